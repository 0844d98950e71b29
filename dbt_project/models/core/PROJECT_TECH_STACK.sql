with

final as (

    select
        project_id,
        tech_stack_id
    from {{ ref('raw_project_tech_stacks') }}

)

select * from final
