with

final as (

    select
        user_id,
        category_id
    from {{ ref('raw_user_categories') }}

)

select * from final
