-- Other people's tests paste these ids and names; they are fixed for ever.

with

expected (id, username, email, primary_language, category) as (

    values
    ('123e4567-e89b-12d3-a456-426614174000'::uuid, 'test_user_1', 'user1@test.com', 'Python', 'Data Science'),
    ('123e4567-e89b-12d3-a456-426614174001'::uuid, 'test_user_2', 'user2@test.com', 'JavaScript', 'Web Development'),
    ('123e4567-e89b-12d3-a456-426614174002'::uuid, 'test_user_3', 'user3@test.com', 'Go', 'Backend Development')

),

actual as (

    select
        users.id,
        users.username,
        users.email,
        fixtures.primary_language,
        fixtures.category
    from {{ ref('USER') }} as users
    full outer join {{ ref('test_users') }} as fixtures
        on
            users.id = fixtures.id
            and users.username = fixtures.username
            and users.email = fixtures.email

),

missing as (

    select * from expected
    except
    select * from actual

),

unexpected as (

    select * from actual
    except
    select * from expected

),

final as (

    select 'missing' as problem, * from missing
    union all
    select 'unexpected' as problem, * from unexpected

)

select * from final
