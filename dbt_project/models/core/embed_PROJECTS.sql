with

projects as (

    select * from {{ ref('PROJECT') }}

),

embeddings as (

    -- Compared as text: an id that is no uuid belongs to another kind of row, and a cast would fail on it.
    select * from {{ ref('minilm_embeddings') }}
    where kind = 'project'

),

final as (

    select
        projects.id as project_id,
        embeddings.text as embedding_text,
        embeddings.embedding as embedding_vector,
        {{ fixture_clock() }} as last_ingested_at,
        {{ fixture_clock() }} as created_at
    from projects
    inner join embeddings
        on projects.id::text = embeddings.id

)

select * from final
