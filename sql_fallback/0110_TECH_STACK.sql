-- Written by `ost-assets lock`. Do not edit.
-- model TECH_STACK, from models/core/TECH_STACK.sql

create table "TECH_STACK" (
  "id" uuid not null,
  "name" character varying(100) not null,
  "icon_url" text,
  "type" character varying(20),
  "created_at" timestamp with time zone
);

insert into "TECH_STACK" ("id", "name", "icon_url", "type", "created_at")
select "id", "name", "icon_url", "type", "created_at"
from (
with

final as (

    select
        id,
        name,
        icon_url,
        type,
        created_at
    from "raw_tech_stacks"

)

select * from final
) as model;

alter table "TECH_STACK" add constraint "TECH_STACK_pkey" PRIMARY KEY (id);
alter table "TECH_STACK" add constraint "TECH_STACK_name_key" UNIQUE (name);
alter table "TECH_STACK" add constraint "TECH_STACK_type_check" CHECK (((type)::text = ANY (ARRAY[('LANGUAGE'::character varying)::text, ('TECH'::character varying)::text])));
