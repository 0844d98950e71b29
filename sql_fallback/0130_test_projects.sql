-- Written by `ost-assets lock`. Do not edit.
-- model test_projects, from models/fixtures/test_projects.sql

create table "test_projects" (
  "id" uuid not null,
  "title" character varying(100),
  "description" text,
  "primary_language" character varying(50),
  "category" character varying(100),
  "stargazers_count" integer,
  "created_at" timestamp with time zone
);

insert into "test_projects" ("id", "title", "description", "primary_language", "category", "stargazers_count", "created_at")
select "id", "title", "description", "primary_language", "category", "stargazers_count", "created_at"
from (
with

final as (

    select
        id,
        title,
        description,
        primary_language,
        primary_category as category,
        stargazers_count,
        created_at
    from "raw_projects"

)

select * from final
) as model;

alter table "test_projects" add constraint "test_projects_pkey" PRIMARY KEY (id);
