with

final as (

    select
        user_id,
        tech_stack_id
    from {{ ref('raw_user_tech_stacks') }}

)

select * from final
