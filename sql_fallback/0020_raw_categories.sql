-- Written by `ost-assets lock`. Do not edit.
-- seed raw_categories, from seeds/raw_categories.csv

create table "raw_categories" (
  "id" uuid,
  "name" character varying(100),
  "created_at" timestamp with time zone
);

insert into "raw_categories" ("id", "name", "created_at") values
  ('123e4567-e89b-12d3-a456-426614174101', 'Data Science', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174102', 'Web Development', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174103', 'Backend Development', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174104', 'Mobile Development', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174105', 'DevOps', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174106', 'Security', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174107', 'Game Development', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174108', 'Blockchain', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174109', 'Embedded Systems', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174110', 'Developer Tools', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174111', 'Education', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174112', 'Design', '2024-01-01 00:00:00+00');

