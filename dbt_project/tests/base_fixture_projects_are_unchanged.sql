-- Other people's tests paste these ids, titles and stars; they are fixed for ever.

with

expected (id, title, primary_language, category, stargazers_count) as (

    values
    ('123e4567-e89b-12d3-a456-426614174003'::uuid, 'Python ML Project', 'Python', 'Data Science', 1500),
    ('123e4567-e89b-12d3-a456-426614174004'::uuid, 'JavaScript Web App', 'JavaScript', 'Web Development', 800),
    ('123e4567-e89b-12d3-a456-426614174005'::uuid, 'Go Microservice', 'Go', 'Backend Development', 1200),
    ('123e4567-e89b-12d3-a456-426614174006'::uuid, 'Data Science Tool', 'Python', 'Data Science', 2000),
    ('123e4567-e89b-12d3-a456-426614174007'::uuid, 'React Component Library', 'TypeScript', 'Web Development', 950)

),

actual as (

    select
        projects.id,
        projects.title,
        projects.primary_language,
        fixtures.category,
        projects.stargazers_count
    from {{ ref('PROJECT') }} as projects
    full outer join {{ ref('test_projects') }} as fixtures
        on
            projects.id = fixtures.id
            and projects.title = fixtures.title
            and projects.description = fixtures.description
            and projects.primary_language = fixtures.primary_language
            and projects.stargazers_count = fixtures.stargazers_count

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
