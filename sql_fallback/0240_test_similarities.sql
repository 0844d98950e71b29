-- Written by `ost-assets lock`. Do not edit.
-- model test_similarities, from models/fixtures/test_similarities.sql

create table "test_similarities" (
  "user_id" uuid not null,
  "project_id" uuid not null,
  "similarity_score" double precision not null,
  "semantic_similarity" double precision,
  "category_similarity" double precision,
  "language_similarity" double precision,
  "popularity_similarity" double precision,
  "created_at" timestamp with time zone
);

insert into "test_similarities" ("user_id", "project_id", "similarity_score", "semantic_similarity", "category_similarity", "language_similarity", "popularity_similarity", "created_at")
select "user_id", "project_id", "similarity_score", "semantic_similarity", "category_similarity", "language_similarity", "popularity_similarity", "created_at"
from (
with

final as (

    select
        users.id as user_id,
        projects.id as project_id,
        scores.similarity_score,
        scores.semantic_similarity,
        scores.category_similarity,
        scores.language_similarity,
        scores.popularity_similarity,
        timestamptz '2025-03-10 00:00:00+00:00' as created_at
    from "user_project_scores" as scores
    inner join "test_users" as users
        on scores.user_id = users.id
    inner join "test_projects" as projects
        on scores.project_id = projects.id
    where scores.is_recommended

)

select * from final
) as model;

alter table "test_similarities" add constraint "test_similarities_pkey" PRIMARY KEY (user_id, project_id);
alter table "test_similarities" add constraint "test_similarities_category_similarity_check" CHECK (((category_similarity >= (0)::double precision) AND (category_similarity <= (1)::double precision)));
alter table "test_similarities" add constraint "test_similarities_language_similarity_check" CHECK (((language_similarity >= (0)::double precision) AND (language_similarity <= (1)::double precision)));
alter table "test_similarities" add constraint "test_similarities_popularity_similarity_check" CHECK (((popularity_similarity >= (0)::double precision) AND (popularity_similarity <= (1)::double precision)));
alter table "test_similarities" add constraint "test_similarities_semantic_similarity_check" CHECK (((semantic_similarity >= (0)::double precision) AND (semantic_similarity <= (1)::double precision)));
alter table "test_similarities" add constraint "test_similarities_similarity_score_check" CHECK (((similarity_score >= (0)::double precision) AND (similarity_score <= (1)::double precision)));
