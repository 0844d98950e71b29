-- Written by `ost-assets lock`. Do not edit.
-- model PROJECT_TECH_STACK, from models/core/PROJECT_TECH_STACK.sql

create table "PROJECT_TECH_STACK" (
  "project_id" uuid not null,
  "tech_stack_id" uuid not null
);

insert into "PROJECT_TECH_STACK" ("project_id", "tech_stack_id")
select "project_id", "tech_stack_id"
from (
with

final as (

    select
        project_id,
        tech_stack_id
    from "raw_project_tech_stacks"

)

select * from final
) as model;

alter table "PROJECT_TECH_STACK" add constraint "PROJECT_TECH_STACK_pkey" PRIMARY KEY (project_id, tech_stack_id);
