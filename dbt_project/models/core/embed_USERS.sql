with

users as (

    select * from {{ ref('USER') }}

),

embeddings as (

    -- Compared as text: an id that is no uuid belongs to another kind of row, and a cast would fail on it.
    select * from {{ ref('minilm_embeddings') }}
    where kind = 'user'

),

user_categories as (

    -- The collation is pinned because the order of an array is data, and servers sort text differently.
    select
        links.user_id,
        array_agg(categories.name::text order by categories.name collate "C") as categories
    from {{ ref('USER_CATEGORY') }} as links
    inner join {{ ref('CATEGORY') }} as categories
        on links.category_id = categories.id
    group by links.user_id

),

final as (

    select
        users.id as user_id,
        users.username,
        embeddings.text as embedding_text,
        embeddings.embedding as embedding_vector,
        users.bio,
        coalesce(user_categories.categories, '{}') as categories,
        {{ fixture_clock() }} as last_ingested_at,
        {{ fixture_clock() }} as created_at
    from users
    inner join embeddings
        on users.id::text = embeddings.id
    left join user_categories
        on users.id = user_categories.user_id

)

select * from final
