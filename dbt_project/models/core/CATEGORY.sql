with

final as (

    select
        id,
        name,
        created_at
    from {{ ref('raw_categories') }}

)

select * from final
