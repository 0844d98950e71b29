with

final as (

    select *
    from {{ ref('USER_PROJECT_SIMILARITY') }}
    where
        similarity_score::numeric
        is distinct from round(
            {{ parameter('weight_semantic') }} * semantic_similarity::numeric
            + {{ parameter('weight_category') }} * category_similarity::numeric
            + {{ parameter('weight_language') }} * language_similarity::numeric
            + {{ parameter('weight_popularity') }} * popularity_similarity::numeric,
            6
        )

)

select * from final
