-- Written by `ost-assets lock`. Do not edit.
-- Seeds an empty database that has the extensions, with nothing but psql:
--   psql -v ON_ERROR_STOP=1 -f setup.sql
-- Optional: -v schema=public -v top_n=5 -v min_similarity=0.1 -v weight_semantic=0.4 -v weight_category=0.3 -v weight_language=0.2 -v weight_popularity=0.1
\set ON_ERROR_STOP on
\set QUIET on
\if :{?schema}
\else
\set schema public
\endif
\if :{?top_n}
\else
\set top_n 5
\endif
\if :{?min_similarity}
\else
\set min_similarity 0.1
\endif
\if :{?weight_semantic}
\else
\set weight_semantic 0.4
\endif
\if :{?weight_category}
\else
\set weight_category 0.3
\endif
\if :{?weight_language}
\else
\set weight_language 0.2
\endif
\if :{?weight_popularity}
\else
\set weight_popularity 0.1
\endif

begin;
set local TimeZone = 'UTC';
set local DateStyle = 'ISO, MDY';
set local IntervalStyle = 'postgres';
set local bytea_output = 'hex';
set local extra_float_digits = '1';
set local client_encoding = 'UTF8';
set local standard_conforming_strings = 'on';
set local client_min_messages = 'warning';
set local idle_session_timeout = '0';
set local ost.top_n = :'top_n';
set local ost.min_similarity = :'min_similarity';
set local ost.weight_semantic = :'weight_semantic';
set local ost.weight_category = :'weight_category';
set local ost.weight_language = :'weight_language';
set local ost.weight_popularity = :'weight_popularity';
create schema if not exists :"schema";
set local search_path = :"schema", public;

\ir 0010_minilm_embeddings.sql
\ir 0020_raw_categories.sql
\ir 0030_raw_project_categories.sql
\ir 0040_raw_project_tech_stacks.sql
\ir 0050_raw_projects.sql
\ir 0060_raw_tech_stacks.sql
\ir 0070_raw_user_categories.sql
\ir 0080_raw_user_tech_stacks.sql
\ir 0090_raw_users.sql
\ir 0100_CATEGORY.sql
\ir 0110_TECH_STACK.sql
\ir 0120_USER.sql
\ir 0130_test_projects.sql
\ir 0140_test_users.sql
\ir 0150_PROJECT.sql
\ir 0160_USER_CATEGORY.sql
\ir 0170_USER_TECH_STACK.sql
\ir 0180_PROJECT_CATEGORY.sql
\ir 0190_PROJECT_TECH_STACK.sql
\ir 0200_embed_PROJECTS.sql
\ir 0210_embed_USERS.sql
\ir 0220_user_project_scores.sql
\ir 0230_USER_PROJECT_SIMILARITY.sql
\ir 0240_test_similarities.sql
\ir 9000_foreign_keys.sql

create temp table ost_checks (check_id text primary key, failures bigint, status text);
\ir 9100_checks.sql
do $$
declare failed text;
begin
  select string_agg(check_id || ' (' || failures || ')', ', ' order by check_id)
    into failed from pg_temp.ost_checks where status = 'fail';
  if failed is not null then raise exception 'data tests failed: %', failed; end if;
end $$;
drop table pg_temp.ost_checks;

-- Inputs that are not part of the test database.
drop table "minilm_embeddings", "raw_categories", "raw_project_categories", "raw_project_tech_stacks", "raw_projects", "raw_tech_stacks", "raw_user_categories", "raw_user_tech_stacks", "raw_users", "user_project_scores";
commit;
analyze;
