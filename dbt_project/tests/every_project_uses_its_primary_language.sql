with

used as (

    select
        links.project_id,
        tech_stacks.name
    from {{ ref('PROJECT_TECH_STACK') }} as links
    inner join {{ ref('TECH_STACK') }} as tech_stacks
        on links.tech_stack_id = tech_stacks.id
    where tech_stacks.type = 'LANGUAGE'

),

final as (

    select
        projects.id,
        projects.title,
        projects.primary_language
    from {{ ref('PROJECT') }} as projects
    left join used
        on
            projects.id = used.project_id
            and projects.primary_language = used.name
    where used.project_id is null

)

select * from final
