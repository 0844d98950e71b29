-- A project whose languages nobody counted has nothing to contradict.

with

counted as (

    select
        projects.id,
        projects.primary_language,
        counts.language,
        rank() over (
            partition by projects.id
            order by counts.bytes::bigint desc
        ) as position
    from {{ ref('PROJECT') }} as projects
    cross join lateral jsonb_each_text(projects.languages) as counts (language, bytes)

),

final as (

    select *
    from counted
    where
        position = 1
        and language is distinct from primary_language

)

select * from final
