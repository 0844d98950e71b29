-- Written by `ost-assets lock`. Do not edit.
-- model test_users, from models/fixtures/test_users.sql

create table "test_users" (
  "id" uuid not null,
  "username" character varying(30),
  "email" character varying(255),
  "primary_language" character varying(50),
  "category" character varying(100),
  "created_at" timestamp with time zone
);

insert into "test_users" ("id", "username", "email", "primary_language", "category", "created_at")
select "id", "username", "email", "primary_language", "category", "created_at"
from (
with

final as (

    select
        id,
        username,
        email,
        primary_language,
        primary_category as category,
        created_at
    from "raw_users"

)

select * from final
) as model;

alter table "test_users" add constraint "test_users_pkey" PRIMARY KEY (id);
alter table "test_users" add constraint "test_users_email_key" UNIQUE (email);
alter table "test_users" add constraint "test_users_username_key" UNIQUE (username);
