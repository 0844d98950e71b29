with

final as (

    select
        project_id,
        category_id
    from {{ ref('raw_project_categories') }}

)

select * from final
