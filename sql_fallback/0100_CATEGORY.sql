-- Written by `ost-assets lock`. Do not edit.
-- model CATEGORY, from models/core/CATEGORY.sql

create table "CATEGORY" (
  "id" uuid not null,
  "name" character varying(100) not null,
  "created_at" timestamp with time zone
);

insert into "CATEGORY" ("id", "name", "created_at")
select "id", "name", "created_at"
from (
with

final as (

    select
        id,
        name,
        created_at
    from "raw_categories"

)

select * from final
) as model;

alter table "CATEGORY" add constraint "CATEGORY_pkey" PRIMARY KEY (id);
alter table "CATEGORY" add constraint "CATEGORY_name_key" UNIQUE (name);
