with

final as (

    select
        id,
        name,
        icon_url,
        type,
        created_at
    from {{ ref('raw_tech_stacks') }}

)

select * from final
