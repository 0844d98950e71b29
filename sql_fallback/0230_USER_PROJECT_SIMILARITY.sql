-- Written by `ost-assets lock`. Do not edit.
-- model USER_PROJECT_SIMILARITY, from models/core/USER_PROJECT_SIMILARITY.sql

create table "USER_PROJECT_SIMILARITY" (
  "user_id" uuid not null,
  "project_id" uuid not null,
  "similarity_score" double precision not null,
  "semantic_similarity" double precision,
  "category_similarity" double precision,
  "language_similarity" double precision,
  "popularity_similarity" double precision,
  "created_at" timestamp with time zone
);

insert into "USER_PROJECT_SIMILARITY" ("user_id", "project_id", "similarity_score", "semantic_similarity", "category_similarity", "language_similarity", "popularity_similarity", "created_at")
select "user_id", "project_id", "similarity_score", "semantic_similarity", "category_similarity", "language_similarity", "popularity_similarity", "created_at"
from (
with

final as (

    select
        user_id,
        project_id,
        similarity_score,
        semantic_similarity,
        category_similarity,
        language_similarity,
        popularity_similarity,
        timestamptz '2025-03-10 00:00:00+00:00' as created_at
    from "user_project_scores"
    where is_recommended

)

select * from final
) as model;

alter table "USER_PROJECT_SIMILARITY" add constraint "USER_PROJECT_SIMILARITY_pkey" PRIMARY KEY (user_id, project_id);
CREATE INDEX "USER_PROJECT_SIMILARITY_project_id_idx" ON "USER_PROJECT_SIMILARITY" USING btree (project_id);
CREATE INDEX "USER_PROJECT_SIMILARITY_user_id_idx" ON "USER_PROJECT_SIMILARITY" USING btree (user_id);
CREATE INDEX "USER_PROJECT_SIMILARITY_user_id_similarity_score_idx" ON "USER_PROJECT_SIMILARITY" USING btree (user_id, similarity_score);
