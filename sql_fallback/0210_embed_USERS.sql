-- Written by `ost-assets lock`. Do not edit.
-- model embed_USERS, from models/core/embed_USERS.sql

create table "embed_USERS" (
  "user_id" uuid not null,
  "username" character varying(255) not null,
  "embedding_text" text not null,
  "embedding_vector" vector(384),
  "bio" text,
  "categories" text[],
  "last_ingested_at" timestamp with time zone,
  "created_at" timestamp with time zone
);

insert into "embed_USERS" ("user_id", "username", "embedding_text", "embedding_vector", "bio", "categories", "last_ingested_at", "created_at")
select "user_id", "username", "embedding_text", "embedding_vector", "bio", "categories", "last_ingested_at", "created_at"
from (
with

users as (

    select * from "USER"

),

embeddings as (

    -- Compared as text: an id that is no uuid belongs to another kind of row, and a cast would fail on it.
    select * from "minilm_embeddings"
    where kind = 'user'

),

user_categories as (

    -- The collation is pinned because the order of an array is data, and servers sort text differently.
    select
        links.user_id,
        array_agg(categories.name::text order by categories.name collate "C") as categories
    from "USER_CATEGORY" as links
    inner join "CATEGORY" as categories
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
        timestamptz '2025-03-10 00:00:00+00:00' as last_ingested_at,
        timestamptz '2025-03-10 00:00:00+00:00' as created_at
    from users
    inner join embeddings
        on users.id::text = embeddings.id
    left join user_categories
        on users.id = user_categories.user_id

)

select * from final
) as model;

alter table "embed_USERS" add constraint "embed_USERS_pkey" PRIMARY KEY (user_id);
