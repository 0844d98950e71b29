-- A user who lost all rows must show too, hence the count starts from the users and not from the recommendations.

with

candidates as (

    select
        users.id as user_id,
        count(scores.project_id) as available
    from {{ ref('USER') }} as users
    left join {{ ref('user_project_scores') }} as scores
        on
            users.id = scores.user_id
            and scores.similarity_score::numeric >= {{ parameter('min_similarity') }}
    group by users.id

),

recommendations as (

    select
        user_id,
        count(*) as given
    from {{ ref('USER_PROJECT_SIMILARITY') }}
    group by user_id

),

final as (

    select
        candidates.user_id,
        candidates.available,
        coalesce(recommendations.given, 0) as given
    from candidates
    left join recommendations
        on candidates.user_id = recommendations.user_id
    where
        coalesce(recommendations.given, 0)
        <> least({{ parameter('top_n') }}, candidates.available)

)

select * from final
