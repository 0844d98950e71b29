with

final as (

    select *
    from {{ ref('USER_PROJECT_SIMILARITY') }}
    where similarity_score::numeric < {{ parameter('min_similarity') }}

)

select * from final
