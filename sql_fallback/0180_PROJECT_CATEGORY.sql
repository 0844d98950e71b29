-- Written by `ost-assets lock`. Do not edit.
-- model PROJECT_CATEGORY, from models/core/PROJECT_CATEGORY.sql

create table "PROJECT_CATEGORY" (
  "project_id" uuid not null,
  "category_id" uuid not null
);

insert into "PROJECT_CATEGORY" ("project_id", "category_id")
select "project_id", "category_id"
from (
with

final as (

    select
        project_id,
        category_id
    from "raw_project_categories"

)

select * from final
) as model;

alter table "PROJECT_CATEGORY" add constraint "PROJECT_CATEGORY_pkey" PRIMARY KEY (project_id, category_id);
