-- Written by `ost-assets lock`. Do not edit.
-- seed raw_projects, from seeds/raw_projects.csv

create table "raw_projects" (
  "id" uuid,
  "full_name" character varying(150),
  "title" character varying(100),
  "description" text,
  "short_description" text,
  "readme" text,
  "primary_language" character varying(50),
  "primary_category" character varying(100),
  "homepage_url" text,
  "license" character varying(100),
  "stargazers_count" integer,
  "watchers_count" integer,
  "forks_count" integer,
  "open_issues_count" integer,
  "is_fork" boolean,
  "is_archived" boolean,
  "is_disabled" boolean,
  "topics" text[],
  "languages" jsonb,
  "created_at" timestamp with time zone,
  "updated_at" timestamp with time zone,
  "pushed_at" timestamp with time zone,
  "last_ingested_at" timestamp with time zone,
  "image" text,
  "cover_images" text,
  "author_id" uuid,
  "owner_id" uuid,
  "owner_login" character varying(39)
);

insert into "raw_projects" ("id", "full_name", "title", "description", "short_description", "readme", "primary_language", "primary_category", "homepage_url", "license", "stargazers_count", "watchers_count", "forks_count", "open_issues_count", "is_fork", "is_archived", "is_disabled", "topics", "languages", "created_at", "updated_at", "pushed_at", "last_ingested_at", "image", "cover_images", "author_id", "owner_id", "owner_login") values
  ('123e4567-e89b-12d3-a456-426614174003', 'test-org/python-ml-project', 'Python ML Project', 'Machine learning pipelines in Python: feature engineering, training and evaluation.', 'From "raw" data, to a model', '# Python ML Project

```python
>>> print("trained", ''evaluated'')
```

A path such as C:\new\table and the marker \N stay as they are, 100 %s of the time.
', 'Python', 'Data Science', 'https://ml.test.com/?q=a%20b&lang=en#top', 'Apache-2.0', '1500', '75', '210', '12', 'false', 'false', 'false', '{machine-learning,"pipelines, \"fast\" ones",naïve-bayes}', '{"C++": 77, "Python": 182034, "Jupyter Notebook": 51200}', '2022-03-04 05:06:07+00', '2025-02-20 08:00:00+00', '2025-02-20 07:59:58.123456+00', '2025-03-05 00:00:00+00', 'https://img.test.com/ml.png', null, '123e4567-e89b-12d3-a456-426614174000', '123e4567-e89b-12d3-a456-426614174000', 'test-org'),
  ('123e4567-e89b-12d3-a456-426614174004', 'test-org/javascript-web-app', 'JavaScript Web App', 'A modern single-page web application written in JavaScript.', null, 'Bienvenue ! 🚀

- café, thé & <b>gâteaux</b>
- `${template}` and $$dollars$$ and {{ braces }}', 'JavaScript', 'Web Development', null, null, '800', '40', '95', '31', 'false', 'false', null, '{}', '{"CSS": 4096, "HTML": 2048, "JavaScript": 90210}', '2023-01-01 00:00:00+00', '2025-02-21 00:00:00+00', '2025-02-21 00:00:00+00', '2025-03-05 00:00:00+00', null, 'https://img.test.com/web-1.png,https://img.test.com/web-2.png', '123e4567-e89b-12d3-a456-426614174001', '123e4567-e89b-12d3-a456-426614174001', '007-labs'),
  ('123e4567-e89b-12d3-a456-426614174005', 'test-org/go-microservice', 'Go Microservice', 'A small, high-throughput microservice in Go with a gRPC interface.', 'gRPC; small, fast', null, 'Go', 'Backend Development', 'https://go.test.com', 'BSD-3-Clause', '1200', null, '130', '0', 'false', 'false', 'false', '{go,grpc,"NULL","back\\slash"}', '{"Go": 65536, "Makefile": 512}', '2021-11-30 18:45:00+00', '2025-01-31 23:00:00+00', '2025-01-31 22:00:00+00', null, null, null, '123e4567-e89b-12d3-a456-426614174002', '123e4567-e89b-12d3-a456-426614174002', 'test_user_3'),
  ('123e4567-e89b-12d3-a456-426614174006', 'test-org/data-science-tool', 'Data Science Tool', 'Explore, clean and visualise tabular data from a Python notebook.', 'Tidy	tables', 'Reads `""` as empty and `NULL` as missing;
writes "quoted, fields" back.', 'Python', 'Data Science', 'https://tool.test.com/naïve', 'N/A', '2000', '160', '310', '48', 'true', 'false', 'false', null, '{}', '2020-02-29 12:00:00+00', '2025-03-04 00:00:00+00', '2025-03-03 23:59:59.999999+00', '2025-03-05 00:00:00+00', null, null, '123e4567-e89b-12d3-a456-426614174000', null, null),
  ('123e4567-e89b-12d3-a456-426614174007', 'test-org/react-component-library', 'React Component Library', 'Accessible, reusable React components written in TypeScript.', 'Buttons that don''t surprise', '<Button onClick={() => alert("it''s fine")} />', 'TypeScript', 'Web Development', 'https://react.test.com', 'MIT', '950', '61', '88', '7', 'false', 'false', 'false', '{react,design-system,"a11y {aria}"," "}', '{"MDX": 3000, "日本語": 1, "TypeScript": 120000}', '2022-08-08 08:08:08+00', '2025-02-28 10:00:00+00', '2025-02-28 10:00:00+00', '2025-03-05 00:00:00+00', 'https://img.test.com/react (1).svg', null, null, '123e4567-e89b-12d3-a456-426614174001', 'test-org');

