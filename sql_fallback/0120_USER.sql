-- Written by `ost-assets lock`. Do not edit.
-- model USER, from models/core/USER.sql

create table "USER" (
  "id" uuid not null,
  "username" character varying(30) not null,
  "email" character varying(255) not null,
  "login" character varying(100),
  "avatar_url" text,
  "location" character varying(100),
  "company" character varying(100),
  "bio" text,
  "created_at" timestamp with time zone,
  "updated_at" timestamp with time zone
);

insert into "USER" ("id", "username", "email", "login", "avatar_url", "location", "company", "bio", "created_at", "updated_at")
select "id", "username", "email", "login", "avatar_url", "location", "company", "bio", "created_at", "updated_at"
from (
with

final as (

    select
        id,
        username,
        email,
        login,
        avatar_url,
        location,
        company,
        bio,
        created_at,
        updated_at
    from "raw_users"

)

select * from final
) as model;

alter table "USER" add constraint "USER_pkey" PRIMARY KEY (id);
alter table "USER" add constraint "USER_email_key" UNIQUE (email);
alter table "USER" add constraint "USER_username_key" UNIQUE (username);
