-- The vectors are written with six decimals, hence the tolerance.

with

embeddings as (

    select
        user_id as id,
        embedding_vector
    from {{ ref('embed_USERS') }}

    union all

    select
        project_id as id,
        embedding_vector
    from {{ ref('embed_PROJECTS') }}

),

final as (

    select
        id,
        vector_norm(embedding_vector) as length
    from embeddings
    where abs(vector_norm(embedding_vector) - 1) > 1e-5

)

select * from final
