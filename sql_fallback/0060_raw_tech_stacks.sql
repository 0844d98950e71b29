-- Written by `ost-assets lock`. Do not edit.
-- seed raw_tech_stacks, from seeds/raw_tech_stacks.csv

create table "raw_tech_stacks" (
  "id" uuid,
  "name" character varying(100),
  "icon_url" text,
  "type" character varying(20),
  "created_at" timestamp with time zone
);

insert into "raw_tech_stacks" ("id", "name", "icon_url", "type", "created_at") values
  ('123e4567-e89b-12d3-a456-426614174201', 'Python', 'https://icons.test.com/python.svg', 'LANGUAGE', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174202', 'JavaScript', 'https://icons.test.com/javascript.svg', 'LANGUAGE', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174203', 'Go', 'https://icons.test.com/go.svg', 'LANGUAGE', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174204', 'TypeScript', 'https://icons.test.com/typescript.svg', 'LANGUAGE', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174205', 'Rust', null, 'LANGUAGE', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174206', 'C++', 'https://icons.test.com/c%2B%2B.svg', 'LANGUAGE', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174207', 'React', 'https://icons.test.com/react.svg', 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174208', 'Node.js', 'https://icons.test.com/node.js.svg', 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174209', 'Docker', 'https://icons.test.com/docker.svg', 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174210', 'PostgreSQL', 'https://icons.test.com/postgresql.svg', 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174211', 'Kubernetes', null, 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174212', 'PyTorch', null, 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174213', 'pandas', 'https://icons.test.com/pandas.svg', 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174214', 'gRPC', null, 'TECH', '2024-01-01 00:00:00+00'),
  ('123e4567-e89b-12d3-a456-426614174215', 'Redis', 'https://icons.test.com/redis.svg', 'TECH', '2024-01-01 00:00:00+00');

