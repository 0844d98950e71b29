-- Written by `ost-assets lock`. Do not edit.
-- model PROJECT, from models/core/PROJECT.sql

create table "PROJECT" (
  "id" uuid not null,
  "full_name" character varying(150) not null,
  "title" character varying(100) not null,
  "description" text,
  "short_description" text,
  "readme" text,
  "primary_language" character varying(50),
  "homepage_url" text,
  "license" character varying(100),
  "stargazers_count" integer,
  "watchers_count" integer,
  "forks_count" integer,
  "open_issues_count" integer,
  "is_fork" boolean,
  "is_archived" boolean,
  "is_disabled" boolean,
  "topics" text[],
  "languages" jsonb,
  "created_at" timestamp with time zone,
  "updated_at" timestamp with time zone,
  "pushed_at" timestamp with time zone,
  "last_ingested_at" timestamp with time zone,
  "image" text,
  "cover_images" text,
  "author_id" uuid,
  "owner_id" uuid,
  "owner_login" character varying(39)
);

insert into "PROJECT" ("id", "full_name", "title", "description", "short_description", "readme", "primary_language", "homepage_url", "license", "stargazers_count", "watchers_count", "forks_count", "open_issues_count", "is_fork", "is_archived", "is_disabled", "topics", "languages", "created_at", "updated_at", "pushed_at", "last_ingested_at", "image", "cover_images", "author_id", "owner_id", "owner_login")
select "id", "full_name", "title", "description", "short_description", "readme", "primary_language", "homepage_url", "license", "stargazers_count", "watchers_count", "forks_count", "open_issues_count", "is_fork", "is_archived", "is_disabled", "topics", "languages", "created_at", "updated_at", "pushed_at", "last_ingested_at", "image", "cover_images", "author_id", "owner_id", "owner_login"
from (
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
    from "raw_projects"

)

select * from final
) as model;

alter table "PROJECT" add constraint "PROJECT_pkey" PRIMARY KEY (id);
alter table "PROJECT" add constraint "PROJECT_full_name_key" UNIQUE (full_name);
