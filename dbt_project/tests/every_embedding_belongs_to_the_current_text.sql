-- An edited bio or description keeps its old vector until somebody embeds it again. A text without a vector fails too.

with

texts as (

    select
        users.id,
        users.bio as current_text,
        embeddings.embedding_text
    from {{ ref('USER') }} as users
    left join {{ ref('embed_USERS') }} as embeddings
        on users.id = embeddings.user_id

    union all

    select
        projects.id,
        projects.description as current_text,
        embeddings.embedding_text
    from {{ ref('PROJECT') }} as projects
    left join {{ ref('embed_PROJECTS') }} as embeddings
        on projects.id = embeddings.project_id

),

final as (

    select *
    from texts
    where current_text is distinct from embedding_text

)

select * from final
