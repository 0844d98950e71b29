-- Other people's tests paste these ids and names; they are fixed for ever.

with

expected (id, name) as (

    values
    ('123e4567-e89b-12d3-a456-426614174101'::uuid, 'Data Science'),
    ('123e4567-e89b-12d3-a456-426614174102'::uuid, 'Web Development'),
    ('123e4567-e89b-12d3-a456-426614174103'::uuid, 'Backend Development'),
    ('123e4567-e89b-12d3-a456-426614174104'::uuid, 'Mobile Development'),
    ('123e4567-e89b-12d3-a456-426614174105'::uuid, 'DevOps'),
    ('123e4567-e89b-12d3-a456-426614174106'::uuid, 'Security'),
    ('123e4567-e89b-12d3-a456-426614174107'::uuid, 'Game Development'),
    ('123e4567-e89b-12d3-a456-426614174108'::uuid, 'Blockchain'),
    ('123e4567-e89b-12d3-a456-426614174109'::uuid, 'Embedded Systems'),
    ('123e4567-e89b-12d3-a456-426614174110'::uuid, 'Developer Tools'),
    ('123e4567-e89b-12d3-a456-426614174111'::uuid, 'Education'),
    ('123e4567-e89b-12d3-a456-426614174112'::uuid, 'Design')

),

actual as (

    select
        id,
        name
    from {{ ref('CATEGORY') }}

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
