-- Written by `ost-assets lock`. Do not edit.
-- seed raw_users, from seeds/raw_users.csv

create table "raw_users" (
  "id" uuid,
  "username" character varying(30),
  "email" character varying(255),
  "login" character varying(100),
  "avatar_url" text,
  "location" character varying(100),
  "company" character varying(100),
  "bio" text,
  "primary_language" character varying(50),
  "primary_category" character varying(100),
  "created_at" timestamp with time zone,
  "updated_at" timestamp with time zone
);

insert into "raw_users" ("id", "username", "email", "login", "avatar_url", "location", "company", "bio", "primary_language", "primary_category", "created_at", "updated_at") values
  ('123e4567-e89b-12d3-a456-426614174000', 'test_user_1', 'user1@test.com', '0042', 'https://avatars.test.com/u/1?v=4&s=64', 'São Paulo, Brasil', 'O''Brien, "Ada" & Söhne', 'Data scientist who trains and ships machine learning models in Python.', 'Python', 'Data Science', '2024-01-15 09:30:00+00', '2025-03-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174001', 'test_user_2', 'user2@test.com', null, null, '東京 / Zürich', null, 'Front-end developer building interactive web applications in JavaScript.', 'JavaScript', 'Web Development', '2024-02-29 23:59:59+00', '2025-03-02 12:34:56.789012+00'),
  ('123e4567-e89b-12d3-a456-426614174002', 'test_user_3', 'user3@test.com', 'true', 'https://avatars.test.com/u/3', 'NA', 'N/A', 'Backend engineer designing fast, reliable services in Go.', 'Go', 'Backend Development', '2024-03-31 01:30:00+00', '2025-03-03 00:00:00+00');

