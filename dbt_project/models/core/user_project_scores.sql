-- Every number is rounded to 6 decimals as a numeric before it is added or compared, so that neither the last bit
-- of a processor's floats nor the order of an addition can reach the data or the ranking.

with

users as (

    select id as user_id
    from {{ ref('USER') }}

),

projects as (

    select
        id as project_id,
        primary_language,
        coalesce(
            stargazers_count::numeric / nullif(max(stargazers_count) over (), 0),
            0
        ) as popularity
    from {{ ref('PROJECT') }}

),

pairs as (

    select
        users.user_id,
        projects.project_id,
        projects.primary_language,
        projects.popularity
    from users
    cross join projects

),

-- The cosine is summed by hand, dimension by dimension, because pgvector's operator adds up single-precision
-- products in whatever order the processor's vector unit prefers.
user_components as (

    select
        embeddings.user_id,
        component.dimension,
        component.value::double precision as value
    from {{ ref('embed_USERS') }} as embeddings
    cross join lateral unnest(embeddings.embedding_vector::real[])
        with ordinality as component (value, dimension)

),

project_components as (

    select
        embeddings.project_id,
        component.dimension,
        component.value::double precision as value
    from {{ ref('embed_PROJECTS') }} as embeddings
    cross join lateral unnest(embeddings.embedding_vector::real[])
        with ordinality as component (value, dimension)

),

user_lengths as (

    select
        user_id,
        sqrt(sum(value * value order by dimension)) as length
    from user_components
    group by user_id

),

project_lengths as (

    select
        project_id,
        sqrt(sum(value * value order by dimension)) as length
    from project_components
    group by project_id

),

dot_products as (

    select
        user_components.user_id,
        project_components.project_id,
        sum(user_components.value * project_components.value order by dimension) as dot_product
    from user_components
    inner join project_components using (dimension)
    group by
        user_components.user_id,
        project_components.project_id

),

cosines as (

    select
        dot_products.user_id,
        dot_products.project_id,
        dot_products.dot_product / nullif(user_lengths.length * project_lengths.length, 0) as cosine
    from dot_products
    inner join user_lengths using (user_id)
    inner join project_lengths using (project_id)

),

user_category_counts as (

    select
        user_id,
        count(*) as categories
    from {{ ref('USER_CATEGORY') }}
    group by user_id

),

project_category_counts as (

    select
        project_id,
        count(*) as categories
    from {{ ref('PROJECT_CATEGORY') }}
    group by project_id

),

shared_categories as (

    select
        user_links.user_id,
        project_links.project_id,
        count(*) as categories
    from {{ ref('USER_CATEGORY') }} as user_links
    inner join {{ ref('PROJECT_CATEGORY') }} as project_links using (category_id)
    group by
        user_links.user_id,
        project_links.project_id

),

user_tech_counts as (

    select
        user_id,
        count(*) as tech_stacks
    from {{ ref('USER_TECH_STACK') }}
    group by user_id

),

project_tech_counts as (

    select
        project_id,
        count(*) as tech_stacks
    from {{ ref('PROJECT_TECH_STACK') }}
    group by project_id

),

shared_tech_stacks as (

    select
        user_links.user_id,
        project_links.project_id,
        count(*) as tech_stacks
    from {{ ref('USER_TECH_STACK') }} as user_links
    inner join {{ ref('PROJECT_TECH_STACK') }} as project_links using (tech_stack_id)
    group by
        user_links.user_id,
        project_links.project_id

),

known_names as (

    select
        links.user_id,
        tech_stacks.name
    from {{ ref('USER_TECH_STACK') }} as links
    inner join {{ ref('TECH_STACK') }} as tech_stacks
        on links.tech_stack_id = tech_stacks.id

),

compared as (

    select
        pairs.user_id,
        pairs.project_id,
        pairs.popularity,
        -- A negative cosine means unrelated, and two equal vectors may come out a hair above 1.
        least(greatest(coalesce(cosines.cosine, 0), 0), 1)::numeric as semantic,
        {{ jaccard(
            'shared_categories.categories',
            'user_category_counts.categories',
            'project_category_counts.categories',
        ) }} as category,
        {{ jaccard(
            'shared_tech_stacks.tech_stacks',
            'user_tech_counts.tech_stacks',
            'project_tech_counts.tech_stacks',
        ) }} as tech_stack,
        known_names.name is not null as knows_the_language
    from pairs
    left join cosines
        on
            pairs.user_id = cosines.user_id
            and pairs.project_id = cosines.project_id
    left join user_category_counts
        on pairs.user_id = user_category_counts.user_id
    left join project_category_counts
        on pairs.project_id = project_category_counts.project_id
    left join shared_categories
        on
            pairs.user_id = shared_categories.user_id
            and pairs.project_id = shared_categories.project_id
    left join user_tech_counts
        on pairs.user_id = user_tech_counts.user_id
    left join project_tech_counts
        on pairs.project_id = project_tech_counts.project_id
    left join shared_tech_stacks
        on
            pairs.user_id = shared_tech_stacks.user_id
            and pairs.project_id = shared_tech_stacks.project_id
    left join known_names
        on
            pairs.user_id = known_names.user_id
            and pairs.primary_language = known_names.name

),

components as (

    select
        user_id,
        project_id,
        round(semantic, 6) as semantic,
        round(category, 6) as category,
        round(case when knows_the_language then 1 else tech_stack end, 6) as language,
        round(popularity, 6) as popularity
    from compared

),

scored as (

    select
        *,
        round(
            {{ parameter('weight_semantic') }} * semantic
            + {{ parameter('weight_category') }} * category
            + {{ parameter('weight_language') }} * language
            + {{ parameter('weight_popularity') }} * popularity,
            6
        ) as score
    from components

),

ranked as (

    select
        *,
        row_number() over (
            partition by user_id
            order by score desc, project_id
        ) as recommendation_rank
    from scored

),

final as (

    select
        user_id,
        project_id,
        score::double precision as similarity_score,
        semantic::double precision as semantic_similarity,
        category::double precision as category_similarity,
        language::double precision as language_similarity,
        popularity::double precision as popularity_similarity,
        recommendation_rank,
        (
            score >= {{ parameter('min_similarity') }}
            and recommendation_rank <= {{ parameter('top_n') }}
        ) as is_recommended
    from ranked

)

select * from final
