with

final as (

    select
        id,
        username,
        email,
        login,
        avatar_url,
        location,
        company,
        bio,
        created_at,
        updated_at
    from {{ ref('raw_users') }}

)

select * from final
