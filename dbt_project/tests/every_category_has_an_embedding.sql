-- Their rows go by name and not by id, so that no foreign key and no join of a model would miss one.

with

embeddings as (

    select id as name
    from {{ ref('minilm_embeddings') }}
    where kind = 'category'

),

final as (

    select
        categories.name as category,
        embeddings.name as embedding
    from {{ ref('CATEGORY') }} as categories
    full outer join embeddings
        on categories.name = embeddings.name
    where
        categories.name is null
        or embeddings.name is null

)

select * from final
