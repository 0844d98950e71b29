with

recommended as (

    select
        user_id,
        min(similarity_score) as lowest_score
    from {{ ref('USER_PROJECT_SIMILARITY') }}
    group by user_id

),

left_out as (

    select scores.*
    from {{ ref('user_project_scores') }} as scores
    left join {{ ref('USER_PROJECT_SIMILARITY') }} as recommendations
        on
            scores.user_id = recommendations.user_id
            and scores.project_id = recommendations.project_id
    where recommendations.project_id is null

),

final as (

    select left_out.*
    from left_out
    inner join recommended
        on left_out.user_id = recommended.user_id
    where left_out.similarity_score > recommended.lowest_score

)

select * from final
