-- Created, then pushed to, then updated, then ingested, and all of it before the fixed clock of the derived rows.

with

moments as (

    select
        id,
        created_at,
        null::timestamptz as pushed_at,
        updated_at,
        null::timestamptz as last_ingested_at
    from {{ ref('USER') }}

    union all

    select
        id,
        created_at,
        pushed_at,
        updated_at,
        last_ingested_at
    from {{ ref('PROJECT') }}

),

final as (

    select *
    from moments
    where
        created_at > updated_at
        or created_at > pushed_at
        or pushed_at > updated_at
        or updated_at > last_ingested_at
        or greatest(created_at, pushed_at, updated_at, last_ingested_at) > {{ fixture_clock() }}

)

select * from final
