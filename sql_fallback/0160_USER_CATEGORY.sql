-- Written by `ost-assets lock`. Do not edit.
-- model USER_CATEGORY, from models/core/USER_CATEGORY.sql

create table "USER_CATEGORY" (
  "user_id" uuid not null,
  "category_id" uuid not null
);

insert into "USER_CATEGORY" ("user_id", "category_id")
select "user_id", "category_id"
from (
with

final as (

    select
        user_id,
        category_id
    from "raw_user_categories"

)

select * from final
) as model;

alter table "USER_CATEGORY" add constraint "USER_CATEGORY_pkey" PRIMARY KEY (user_id, category_id);
