with

expected as (

    select
        id,
        category
    from {{ ref('test_users') }}

    union all

    select
        id,
        category
    from {{ ref('test_projects') }}

),

linked as (

    select
        user_id as id,
        category_id
    from {{ ref('USER_CATEGORY') }}

    union all

    select
        project_id as id,
        category_id
    from {{ ref('PROJECT_CATEGORY') }}

),

actual as (

    select
        linked.id,
        categories.name as category
    from linked
    inner join {{ ref('CATEGORY') }} as categories
        on linked.category_id = categories.id

),

final as (

    select * from expected
    except
    select * from actual

)

select * from final
