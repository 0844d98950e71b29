-- Written by `ost-assets lock`. Do not edit.
-- model USER_TECH_STACK, from models/core/USER_TECH_STACK.sql

create table "USER_TECH_STACK" (
  "user_id" uuid not null,
  "tech_stack_id" uuid not null
);

insert into "USER_TECH_STACK" ("user_id", "tech_stack_id")
select "user_id", "tech_stack_id"
from (
with

final as (

    select
        user_id,
        tech_stack_id
    from "raw_user_tech_stacks"

)

select * from final
) as model;

alter table "USER_TECH_STACK" add constraint "USER_TECH_STACK_pkey" PRIMARY KEY (user_id, tech_stack_id);
