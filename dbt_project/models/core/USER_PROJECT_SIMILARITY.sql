with

final as (

    select
        user_id,
        project_id,
        similarity_score,
        semantic_similarity,
        category_similarity,
        language_similarity,
        popularity_similarity,
        {{ fixture_clock() }} as created_at
    from {{ ref('user_project_scores') }}
    where is_recommended

)

select * from final
