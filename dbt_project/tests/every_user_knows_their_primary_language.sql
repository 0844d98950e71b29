with

known as (

    select
        links.user_id,
        tech_stacks.name
    from {{ ref('USER_TECH_STACK') }} as links
    inner join {{ ref('TECH_STACK') }} as tech_stacks
        on links.tech_stack_id = tech_stacks.id
    where tech_stacks.type = 'LANGUAGE'

),

final as (

    select users.*
    from {{ ref('test_users') }} as users
    left join known
        on
            users.id = known.user_id
            and users.primary_language = known.name
    where known.user_id is null

)

select * from final
