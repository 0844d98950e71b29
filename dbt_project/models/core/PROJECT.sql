with

final as (

    select
        id,
        full_name,
        title,
        description,
        short_description,
        readme,
        primary_language,
        homepage_url,
        license,
        stargazers_count,
        watchers_count,
        forks_count,
        open_issues_count,
        is_fork,
        is_archived,
        is_disabled,
        topics,
        languages,
        created_at,
        updated_at,
        pushed_at,
        last_ingested_at,
        image,
        cover_images,
        author_id,
        owner_id,
        owner_login
    from {{ ref('raw_projects') }}

)

select * from final
