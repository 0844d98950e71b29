-- Written by `ost-assets lock`. Do not edit.
-- model embed_PROJECTS, from models/core/embed_PROJECTS.sql

create table "embed_PROJECTS" (
  "project_id" uuid not null,
  "embedding_text" text not null,
  "embedding_vector" vector(384),
  "last_ingested_at" timestamp with time zone,
  "created_at" timestamp with time zone
);

insert into "embed_PROJECTS" ("project_id", "embedding_text", "embedding_vector", "last_ingested_at", "created_at")
select "project_id", "embedding_text", "embedding_vector", "last_ingested_at", "created_at"
from (
with

projects as (

    select * from "PROJECT"

),

embeddings as (

    -- Compared as text: an id that is no uuid belongs to another kind of row, and a cast would fail on it.
    select * from "minilm_embeddings"
    where kind = 'project'

),

final as (

    select
        projects.id as project_id,
        embeddings.text as embedding_text,
        embeddings.embedding as embedding_vector,
        timestamptz '2025-03-10 00:00:00+00:00' as last_ingested_at,
        timestamptz '2025-03-10 00:00:00+00:00' as created_at
    from projects
    inner join embeddings
        on projects.id::text = embeddings.id

)

select * from final
) as model;

alter table "embed_PROJECTS" add constraint "embed_PROJECTS_pkey" PRIMARY KEY (project_id);
