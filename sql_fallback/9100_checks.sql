-- Written by `ost-assets lock`. Do not edit.

-- check test.ost.accepted_values_minilm_embeddings_kind__user__project__category.fdfdac6f0b
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.accepted_values_minilm_embeddings_kind__user__project__category.fdfdac6f0b', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with all_values as (

    select
        kind as value_field,
        count(*) as n_records

    from "minilm_embeddings"
    group by kind

)

select *
from all_values
where value_field not in (
    'user','project','category'
)
-- end of failing rows
) as failing;

-- check test.ost.accepted_values_raw_tech_stacks_type__LANGUAGE__TECH.00ad69dfac
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.accepted_values_raw_tech_stacks_type__LANGUAGE__TECH.00ad69dfac', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with all_values as (

    select
        type as value_field,
        count(*) as n_records

    from "raw_tech_stacks"
    group by type

)

select *
from all_values
where value_field not in (
    'LANGUAGE','TECH'
)
-- end of failing rows
) as failing;

-- check test.ost.base_fixture_categories_are_unchanged
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.base_fixture_categories_are_unchanged', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- Other people's tests paste these ids and names; they are fixed for ever.

with

expected (id, name) as (

    values
    ('123e4567-e89b-12d3-a456-426614174101'::uuid, 'Data Science'),
    ('123e4567-e89b-12d3-a456-426614174102'::uuid, 'Web Development'),
    ('123e4567-e89b-12d3-a456-426614174103'::uuid, 'Backend Development'),
    ('123e4567-e89b-12d3-a456-426614174104'::uuid, 'Mobile Development'),
    ('123e4567-e89b-12d3-a456-426614174105'::uuid, 'DevOps'),
    ('123e4567-e89b-12d3-a456-426614174106'::uuid, 'Security'),
    ('123e4567-e89b-12d3-a456-426614174107'::uuid, 'Game Development'),
    ('123e4567-e89b-12d3-a456-426614174108'::uuid, 'Blockchain'),
    ('123e4567-e89b-12d3-a456-426614174109'::uuid, 'Embedded Systems'),
    ('123e4567-e89b-12d3-a456-426614174110'::uuid, 'Developer Tools'),
    ('123e4567-e89b-12d3-a456-426614174111'::uuid, 'Education'),
    ('123e4567-e89b-12d3-a456-426614174112'::uuid, 'Design')

),

actual as (

    select
        id,
        name
    from "CATEGORY"

),

missing as (

    select * from expected
    except
    select * from actual

),

unexpected as (

    select * from actual
    except
    select * from expected

),

final as (

    select 'missing' as problem, * from missing
    union all
    select 'unexpected' as problem, * from unexpected

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.base_fixture_projects_are_unchanged
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.base_fixture_projects_are_unchanged', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- Other people's tests paste these ids, titles and stars; they are fixed for ever.

with

expected (id, title, primary_language, category, stargazers_count) as (

    values
    ('123e4567-e89b-12d3-a456-426614174003'::uuid, 'Python ML Project', 'Python', 'Data Science', 1500),
    ('123e4567-e89b-12d3-a456-426614174004'::uuid, 'JavaScript Web App', 'JavaScript', 'Web Development', 800),
    ('123e4567-e89b-12d3-a456-426614174005'::uuid, 'Go Microservice', 'Go', 'Backend Development', 1200),
    ('123e4567-e89b-12d3-a456-426614174006'::uuid, 'Data Science Tool', 'Python', 'Data Science', 2000),
    ('123e4567-e89b-12d3-a456-426614174007'::uuid, 'React Component Library', 'TypeScript', 'Web Development', 950)

),

actual as (

    select
        projects.id,
        projects.title,
        projects.primary_language,
        fixtures.category,
        projects.stargazers_count
    from "PROJECT" as projects
    full outer join "test_projects" as fixtures
        on
            projects.id = fixtures.id
            and projects.title = fixtures.title
            and projects.description = fixtures.description
            and projects.primary_language = fixtures.primary_language
            and projects.stargazers_count = fixtures.stargazers_count

),

missing as (

    select * from expected
    except
    select * from actual

),

unexpected as (

    select * from actual
    except
    select * from expected

),

final as (

    select 'missing' as problem, * from missing
    union all
    select 'unexpected' as problem, * from unexpected

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.base_fixture_users_are_unchanged
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.base_fixture_users_are_unchanged', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- Other people's tests paste these ids and names; they are fixed for ever.

with

expected (id, username, email, primary_language, category) as (

    values
    ('123e4567-e89b-12d3-a456-426614174000'::uuid, 'test_user_1', 'user1@test.com', 'Python', 'Data Science'),
    ('123e4567-e89b-12d3-a456-426614174001'::uuid, 'test_user_2', 'user2@test.com', 'JavaScript', 'Web Development'),
    ('123e4567-e89b-12d3-a456-426614174002'::uuid, 'test_user_3', 'user3@test.com', 'Go', 'Backend Development')

),

actual as (

    select
        users.id,
        users.username,
        users.email,
        fixtures.primary_language,
        fixtures.category
    from "USER" as users
    full outer join "test_users" as fixtures
        on
            users.id = fixtures.id
            and users.username = fixtures.username
            and users.email = fixtures.email

),

missing as (

    select * from expected
    except
    select * from actual

),

unexpected as (

    select * from actual
    except
    select * from expected

),

final as (

    select 'missing' as problem, * from missing
    union all
    select 'unexpected' as problem, * from unexpected

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.embeddings_have_unit_length
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.embeddings_have_unit_length', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- The vectors are written with six decimals, hence the tolerance.

with

embeddings as (

    select
        user_id as id,
        embedding_vector
    from "embed_USERS"

    union all

    select
        project_id as id,
        embedding_vector
    from "embed_PROJECTS"

),

final as (

    select
        id,
        vector_norm(embedding_vector) as length
    from embeddings
    where abs(vector_norm(embedding_vector) - 1) > 1e-5

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.every_category_has_an_embedding
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.every_category_has_an_embedding', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- Their rows go by name and not by id, so that no foreign key and no join of a model would miss one.

with

embeddings as (

    select id as name
    from "minilm_embeddings"
    where kind = 'category'

),

final as (

    select
        categories.name as category,
        embeddings.name as embedding
    from "CATEGORY" as categories
    full outer join embeddings
        on categories.name = embeddings.name
    where
        categories.name is null
        or embeddings.name is null

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.every_embedding_belongs_to_the_current_text
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.every_embedding_belongs_to_the_current_text', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- An edited bio or description keeps its old vector until somebody embeds it again. A text without a vector fails too.

with

texts as (

    select
        users.id,
        users.bio as current_text,
        embeddings.embedding_text
    from "USER" as users
    left join "embed_USERS" as embeddings
        on users.id = embeddings.user_id

    union all

    select
        projects.id,
        projects.description as current_text,
        embeddings.embedding_text
    from "PROJECT" as projects
    left join "embed_PROJECTS" as embeddings
        on projects.id = embeddings.project_id

),

final as (

    select *
    from texts
    where current_text is distinct from embedding_text

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.every_primary_language_has_the_most_code
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.every_primary_language_has_the_most_code', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- A project whose languages nobody counted has nothing to contradict.

with

counted as (

    select
        projects.id,
        projects.primary_language,
        counts.language,
        rank() over (
            partition by projects.id
            order by counts.bytes::bigint desc
        ) as position
    from "PROJECT" as projects
    cross join lateral jsonb_each_text(projects.languages) as counts (language, bytes)

),

final as (

    select *
    from counted
    where
        position = 1
        and language is distinct from primary_language

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.every_project_uses_its_primary_language
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.every_project_uses_its_primary_language', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

used as (

    select
        links.project_id,
        tech_stacks.name
    from "PROJECT_TECH_STACK" as links
    inner join "TECH_STACK" as tech_stacks
        on links.tech_stack_id = tech_stacks.id
    where tech_stacks.type = 'LANGUAGE'

),

final as (

    select
        projects.id,
        projects.title,
        projects.primary_language
    from "PROJECT" as projects
    left join used
        on
            projects.id = used.project_id
            and projects.primary_language = used.name
    where used.project_id is null

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.every_user_and_project_is_in_its_primary_category
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.every_user_and_project_is_in_its_primary_category', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

expected as (

    select
        id,
        category
    from "test_users"

    union all

    select
        id,
        category
    from "test_projects"

),

linked as (

    select
        user_id as id,
        category_id
    from "USER_CATEGORY"

    union all

    select
        project_id as id,
        category_id
    from "PROJECT_CATEGORY"

),

actual as (

    select
        linked.id,
        categories.name as category
    from linked
    inner join "CATEGORY" as categories
        on linked.category_id = categories.id

),

final as (

    select * from expected
    except
    select * from actual

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.every_user_has_all_recommendations_there_can_be
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.every_user_has_all_recommendations_there_can_be', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- A user who lost all rows must show too, hence the count starts from the users and not from the recommendations.

with

candidates as (

    select
        users.id as user_id,
        count(scores.project_id) as available
    from "USER" as users
    left join "user_project_scores" as scores
        on
            users.id = scores.user_id
            and scores.similarity_score::numeric >= current_setting('ost.min_similarity')::numeric
    group by users.id

),

recommendations as (

    select
        user_id,
        count(*) as given
    from "USER_PROJECT_SIMILARITY"
    group by user_id

),

final as (

    select
        candidates.user_id,
        candidates.available,
        coalesce(recommendations.given, 0) as given
    from candidates
    left join recommendations
        on candidates.user_id = recommendations.user_id
    where
        coalesce(recommendations.given, 0)
        <> least(current_setting('ost.top_n')::numeric, candidates.available)

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.every_user_knows_their_primary_language
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.every_user_knows_their_primary_language', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

known as (

    select
        links.user_id,
        tech_stacks.name
    from "USER_TECH_STACK" as links
    inner join "TECH_STACK" as tech_stacks
        on links.tech_stack_id = tech_stacks.id
    where tech_stacks.type = 'LANGUAGE'

),

final as (

    select users.*
    from "test_users" as users
    left join known
        on
            users.id = known.user_id
            and users.primary_language = known.name
    where known.user_id is null

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_minilm_embeddings_.4511fa7d34
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_minilm_embeddings_.4511fa7d34', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['kind', 'id', 'text', 'embedding']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['kind', 'id', 'text', 'embedding']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"minilm_embeddings"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_categories_.9b90fbb050
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_categories_.9b90fbb050', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['id', 'name', 'created_at']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['id', 'name', 'created_at']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_categories"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_project_categories_.81e0c42ce7
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_project_categories_.81e0c42ce7', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['project_id', 'category_id']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['project_id', 'category_id']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_project_categories"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_project_tech_stacks_.fb5cf9b4ed
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_project_tech_stacks_.fb5cf9b4ed', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['project_id', 'tech_stack_id']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['project_id', 'tech_stack_id']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_project_tech_stacks"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_projects_.ce1d3ccd1a
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_projects_.ce1d3ccd1a', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['id', 'full_name', 'title', 'description', 'short_description', 'readme', 'primary_language', 'primary_category', 'homepage_url', 'license', 'stargazers_count', 'watchers_count', 'forks_count', 'open_issues_count', 'is_fork', 'is_archived', 'is_disabled', 'topics', 'languages', 'created_at', 'updated_at', 'pushed_at', 'last_ingested_at', 'image', 'cover_images', 'author_id', 'owner_id', 'owner_login']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['id', 'full_name', 'title', 'description', 'short_description', 'readme', 'primary_language', 'primary_category', 'homepage_url', 'license', 'stargazers_count', 'watchers_count', 'forks_count', 'open_issues_count', 'is_fork', 'is_archived', 'is_disabled', 'topics', 'languages', 'created_at', 'updated_at', 'pushed_at', 'last_ingested_at', 'image', 'cover_images', 'author_id', 'owner_id', 'owner_login']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_projects"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_tech_stacks_.1eb93f5143
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_tech_stacks_.1eb93f5143', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['id', 'name', 'icon_url', 'type', 'created_at']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['id', 'name', 'icon_url', 'type', 'created_at']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_tech_stacks"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_user_categories_.ee1323051a
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_user_categories_.ee1323051a', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['user_id', 'category_id']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['user_id', 'category_id']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_user_categories"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_user_tech_stacks_.687083e9b8
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_user_tech_stacks_.687083e9b8', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['user_id', 'tech_stack_id']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['user_id', 'tech_stack_id']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_user_tech_stacks"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.has_exactly_columns_raw_users_.67e5c02234
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.has_exactly_columns_raw_users_.67e5c02234', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

columns as (

    select
        'yml' as place,
        unnest(array['id', 'username', 'email', 'login', 'avatar_url', 'location', 'company', 'bio', 'primary_language', 'primary_category', 'created_at', 'updated_at']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['id', 'username', 'email', 'login', 'avatar_url', 'location', 'company', 'bio', 'primary_language', 'primary_category', 'created_at', 'updated_at']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '"raw_users"'::regclass
        and attnum > 0
        and not attisdropped

),

final as (

    select
        column_name,
        string_agg(place, ', ' order by place) as found_in
    from columns
    group by column_name
    having count(*) < 3

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_between_USER_PROJECT_SIMILARITY_category_similarity__1__0.8ded5758a5
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_between_USER_PROJECT_SIMILARITY_category_similarity__1__0.8ded5758a5', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select *
    from "USER_PROJECT_SIMILARITY"
    where (category_similarity between 0 and 1) is not true

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_between_USER_PROJECT_SIMILARITY_language_similarity__1__0.709a96f045
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_between_USER_PROJECT_SIMILARITY_language_similarity__1__0.709a96f045', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select *
    from "USER_PROJECT_SIMILARITY"
    where (language_similarity between 0 and 1) is not true

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_between_USER_PROJECT_SIMILARITY_popularity_similarity__1__0.16323bdb52
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_between_USER_PROJECT_SIMILARITY_popularity_similarity__1__0.16323bdb52', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select *
    from "USER_PROJECT_SIMILARITY"
    where (popularity_similarity between 0 and 1) is not true

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_between_USER_PROJECT_SIMILARITY_semantic_similarity__1__0.7fcf838767
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_between_USER_PROJECT_SIMILARITY_semantic_similarity__1__0.7fcf838767', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select *
    from "USER_PROJECT_SIMILARITY"
    where (semantic_similarity between 0 and 1) is not true

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_between_USER_PROJECT_SIMILARITY_similarity_score__1__0.5d12ebdb22
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_between_USER_PROJECT_SIMILARITY_similarity_score__1__0.5d12ebdb22', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select *
    from "USER_PROJECT_SIMILARITY"
    where (similarity_score between 0 and 1) is not true

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_unique_together_minilm_embeddings_kind__id.ce19b3d5d2
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_unique_together_minilm_embeddings_kind__id.ce19b3d5d2', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select
        kind, id,
        count(*) as occurrences
    from "minilm_embeddings"
    group by kind, id
    having count(*) > 1

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_unique_together_raw_project_categories_project_id__category_id.bb78bfbeab
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_unique_together_raw_project_categories_project_id__category_id.bb78bfbeab', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select
        project_id, category_id,
        count(*) as occurrences
    from "raw_project_categories"
    group by project_id, category_id
    having count(*) > 1

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_unique_together_raw_project_tech_stacks_project_id__tech_stack_id.42bc374126
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_unique_together_raw_project_tech_stacks_project_id__tech_stack_id.42bc374126', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select
        project_id, tech_stack_id,
        count(*) as occurrences
    from "raw_project_tech_stacks"
    group by project_id, tech_stack_id
    having count(*) > 1

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_unique_together_raw_user_categories_user_id__category_id.4b179c992e
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_unique_together_raw_user_categories_user_id__category_id.4b179c992e', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select
        user_id, category_id,
        count(*) as occurrences
    from "raw_user_categories"
    group by user_id, category_id
    having count(*) > 1

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.is_unique_together_raw_user_tech_stacks_user_id__tech_stack_id.ea13f6bc53
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.is_unique_together_raw_user_tech_stacks_user_id__tech_stack_id.ea13f6bc53', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select
        user_id, tech_stack_id,
        count(*) as occurrences
    from "raw_user_tech_stacks"
    group by user_id, tech_stack_id
    having count(*) > 1

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.no_left_out_project_beats_a_recommended_one
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.no_left_out_project_beats_a_recommended_one', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

recommended as (

    select
        user_id,
        min(similarity_score) as lowest_score
    from "USER_PROJECT_SIMILARITY"
    group by user_id

),

left_out as (

    select scores.*
    from "user_project_scores" as scores
    left join "USER_PROJECT_SIMILARITY" as recommendations
        on
            scores.user_id = recommendations.user_id
            and scores.project_id = recommendations.project_id
    where recommendations.project_id is null

),

final as (

    select left_out.*
    from left_out
    inner join recommended
        on left_out.user_id = recommended.user_id
    where left_out.similarity_score > recommended.lowest_score

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.no_recommendation_is_below_the_minimum
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.no_recommendation_is_below_the_minimum', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select *
    from "USER_PROJECT_SIMILARITY"
    where similarity_score::numeric < current_setting('ost.min_similarity')::numeric

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.not_null_embed_PROJECTS_embedding_vector.04237fe34c
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_embed_PROJECTS_embedding_vector.04237fe34c', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select embedding_vector
from "embed_PROJECTS"
where embedding_vector is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_embed_USERS_embedding_vector.081d0fd7d7
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_embed_USERS_embedding_vector.081d0fd7d7', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select embedding_vector
from "embed_USERS"
where embedding_vector is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_minilm_embeddings_embedding.e3c495d169
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_minilm_embeddings_embedding.e3c495d169', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select embedding
from "minilm_embeddings"
where embedding is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_minilm_embeddings_id.801331861f
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_minilm_embeddings_id.801331861f', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select id
from "minilm_embeddings"
where id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_minilm_embeddings_kind.e5f11f41f9
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_minilm_embeddings_kind.e5f11f41f9', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select kind
from "minilm_embeddings"
where kind is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_minilm_embeddings_text.ec9feb3941
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_minilm_embeddings_text.ec9feb3941', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select text
from "minilm_embeddings"
where text is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_categories_created_at.1154c47103
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_categories_created_at.1154c47103', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select created_at
from "raw_categories"
where created_at is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_categories_id.a1fbc2abe9
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_categories_id.a1fbc2abe9', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select id
from "raw_categories"
where id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_categories_name.040fa76817
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_categories_name.040fa76817', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select name
from "raw_categories"
where name is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_project_categories_category_id.dddd1e8045
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_project_categories_category_id.dddd1e8045', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select category_id
from "raw_project_categories"
where category_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_project_categories_project_id.d801d8bed1
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_project_categories_project_id.d801d8bed1', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select project_id
from "raw_project_categories"
where project_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_project_tech_stacks_project_id.772e2974c1
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_project_tech_stacks_project_id.772e2974c1', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select project_id
from "raw_project_tech_stacks"
where project_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_project_tech_stacks_tech_stack_id.6316a0e5f3
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_project_tech_stacks_tech_stack_id.6316a0e5f3', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select tech_stack_id
from "raw_project_tech_stacks"
where tech_stack_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_created_at.21265d2a9f
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_created_at.21265d2a9f', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select created_at
from "raw_projects"
where created_at is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_description.87d876d14a
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_description.87d876d14a', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select description
from "raw_projects"
where description is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_full_name.69285e6ed2
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_full_name.69285e6ed2', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select full_name
from "raw_projects"
where full_name is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_id.c8708cacf2
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_id.c8708cacf2', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select id
from "raw_projects"
where id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_is_archived.19709b5de0
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_is_archived.19709b5de0', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select is_archived
from "raw_projects"
where is_archived is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_is_fork.3d7db2c1b4
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_is_fork.3d7db2c1b4', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select is_fork
from "raw_projects"
where is_fork is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_primary_category.930e551f94
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_primary_category.930e551f94', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select primary_category
from "raw_projects"
where primary_category is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_primary_language.6726b6eddd
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_primary_language.6726b6eddd', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select primary_language
from "raw_projects"
where primary_language is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_pushed_at.907847eade
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_pushed_at.907847eade', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select pushed_at
from "raw_projects"
where pushed_at is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_stargazers_count.22d56dd6ec
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_stargazers_count.22d56dd6ec', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select stargazers_count
from "raw_projects"
where stargazers_count is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_title.4b5d1d62ad
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_title.4b5d1d62ad', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select title
from "raw_projects"
where title is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_projects_updated_at.1f5854aa1e
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_projects_updated_at.1f5854aa1e', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select updated_at
from "raw_projects"
where updated_at is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_tech_stacks_created_at.7b0d09e8f2
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_tech_stacks_created_at.7b0d09e8f2', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select created_at
from "raw_tech_stacks"
where created_at is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_tech_stacks_id.238196b51b
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_tech_stacks_id.238196b51b', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select id
from "raw_tech_stacks"
where id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_tech_stacks_name.5370c25e14
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_tech_stacks_name.5370c25e14', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select name
from "raw_tech_stacks"
where name is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_tech_stacks_type.3821556c6b
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_tech_stacks_type.3821556c6b', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select type
from "raw_tech_stacks"
where type is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_user_categories_category_id.008ca01f39
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_user_categories_category_id.008ca01f39', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select category_id
from "raw_user_categories"
where category_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_user_categories_user_id.c913bb7cc4
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_user_categories_user_id.c913bb7cc4', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select user_id
from "raw_user_categories"
where user_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_user_tech_stacks_tech_stack_id.f3becc692f
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_user_tech_stacks_tech_stack_id.f3becc692f', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select tech_stack_id
from "raw_user_tech_stacks"
where tech_stack_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_user_tech_stacks_user_id.295f707917
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_user_tech_stacks_user_id.295f707917', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select user_id
from "raw_user_tech_stacks"
where user_id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_bio.33ce14905d
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_bio.33ce14905d', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select bio
from "raw_users"
where bio is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_created_at.f030f5ec58
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_created_at.f030f5ec58', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select created_at
from "raw_users"
where created_at is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_email.a2f7fb95f0
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_email.a2f7fb95f0', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select email
from "raw_users"
where email is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_id.2b79e99434
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_id.2b79e99434', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select id
from "raw_users"
where id is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_primary_category.34b89ee7e2
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_primary_category.34b89ee7e2', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select primary_category
from "raw_users"
where primary_category is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_primary_language.b9d578049d
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_primary_language.b9d578049d', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select primary_language
from "raw_users"
where primary_language is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_updated_at.a16c0fd10c
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_updated_at.a16c0fd10c', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select updated_at
from "raw_users"
where updated_at is null
-- end of failing rows
) as failing;

-- check test.ost.not_null_raw_users_username.0a33dc366c
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.not_null_raw_users_username.0a33dc366c', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select username
from "raw_users"
where username is null
-- end of failing rows
) as failing;

-- check test.ost.nothing_happens_out_of_order
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.nothing_happens_out_of_order', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
-- Created, then pushed to, then updated, then ingested, and all of it before the fixed clock of the derived rows.

with

moments as (

    select
        id,
        created_at,
        null::timestamptz as pushed_at,
        updated_at,
        null::timestamptz as last_ingested_at
    from "USER"

    union all

    select
        id,
        created_at,
        pushed_at,
        updated_at,
        last_ingested_at
    from "PROJECT"

),

final as (

    select *
    from moments
    where
        created_at > updated_at
        or created_at > pushed_at
        or pushed_at > updated_at
        or updated_at > last_ingested_at
        or greatest(created_at, pushed_at, updated_at, last_ingested_at) > timestamptz '2025-03-10 00:00:00+00:00'

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_project_categories_category_id__id__ref_raw_categories_.2136124cab
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_project_categories_category_id__id__ref_raw_categories_.2136124cab', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select category_id as from_field
    from "raw_project_categories"
    where category_id is not null
),

parent as (
    select id as to_field
    from "raw_categories"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_project_categories_project_id__id__ref_raw_projects_.c57087fd20
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_project_categories_project_id__id__ref_raw_projects_.c57087fd20', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select project_id as from_field
    from "raw_project_categories"
    where project_id is not null
),

parent as (
    select id as to_field
    from "raw_projects"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_project_tech_stacks_project_id__id__ref_raw_projects_.800d5f77bb
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_project_tech_stacks_project_id__id__ref_raw_projects_.800d5f77bb', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select project_id as from_field
    from "raw_project_tech_stacks"
    where project_id is not null
),

parent as (
    select id as to_field
    from "raw_projects"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_project_tech_stacks_tech_stack_id__id__ref_raw_tech_stacks_.0e49bcd380
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_project_tech_stacks_tech_stack_id__id__ref_raw_tech_stacks_.0e49bcd380', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select tech_stack_id as from_field
    from "raw_project_tech_stacks"
    where tech_stack_id is not null
),

parent as (
    select id as to_field
    from "raw_tech_stacks"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_projects_author_id__id__ref_raw_users_.0e9e04d874
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_projects_author_id__id__ref_raw_users_.0e9e04d874', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select author_id as from_field
    from "raw_projects"
    where author_id is not null
),

parent as (
    select id as to_field
    from "raw_users"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_projects_owner_id__id__ref_raw_users_.940b954ffb
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_projects_owner_id__id__ref_raw_users_.940b954ffb', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select owner_id as from_field
    from "raw_projects"
    where owner_id is not null
),

parent as (
    select id as to_field
    from "raw_users"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_projects_primary_category__name__ref_raw_categories_.96a6998962
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_projects_primary_category__name__ref_raw_categories_.96a6998962', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select primary_category as from_field
    from "raw_projects"
    where primary_category is not null
),

parent as (
    select name as to_field
    from "raw_categories"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_projects_primary_language__name__ref_raw_tech_stacks_.b0ce396815
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_projects_primary_language__name__ref_raw_tech_stacks_.b0ce396815', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select primary_language as from_field
    from "raw_projects"
    where primary_language is not null
),

parent as (
    select name as to_field
    from "raw_tech_stacks"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_user_categories_category_id__id__ref_raw_categories_.f181cace8d
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_user_categories_category_id__id__ref_raw_categories_.f181cace8d', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select category_id as from_field
    from "raw_user_categories"
    where category_id is not null
),

parent as (
    select id as to_field
    from "raw_categories"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_user_categories_user_id__id__ref_raw_users_.73af89c161
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_user_categories_user_id__id__ref_raw_users_.73af89c161', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select user_id as from_field
    from "raw_user_categories"
    where user_id is not null
),

parent as (
    select id as to_field
    from "raw_users"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_user_tech_stacks_tech_stack_id__id__ref_raw_tech_stacks_.1475e9bcc8
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_user_tech_stacks_tech_stack_id__id__ref_raw_tech_stacks_.1475e9bcc8', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select tech_stack_id as from_field
    from "raw_user_tech_stacks"
    where tech_stack_id is not null
),

parent as (
    select id as to_field
    from "raw_tech_stacks"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_user_tech_stacks_user_id__id__ref_raw_users_.da276d55e3
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_user_tech_stacks_user_id__id__ref_raw_users_.da276d55e3', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select user_id as from_field
    from "raw_user_tech_stacks"
    where user_id is not null
),

parent as (
    select id as to_field
    from "raw_users"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_users_primary_category__name__ref_raw_categories_.25ad5d12d6
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_users_primary_category__name__ref_raw_categories_.25ad5d12d6', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select primary_category as from_field
    from "raw_users"
    where primary_category is not null
),

parent as (
    select name as to_field
    from "raw_categories"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.relationships_raw_users_primary_language__name__ref_raw_tech_stacks_.b750b5ffcb
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.relationships_raw_users_primary_language__name__ref_raw_tech_stacks_.b750b5ffcb', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with child as (
    select primary_language as from_field
    from "raw_users"
    where primary_language is not null
),

parent as (
    select name as to_field
    from "raw_tech_stacks"
)

select
    from_field

from child
left join parent
    on child.from_field = parent.to_field

where parent.to_field is null
-- end of failing rows
) as failing;

-- check test.ost.test_similarities_equals_user_project_similarity
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.test_similarities_equals_user_project_similarity', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

only_in_core as (

    select * from "USER_PROJECT_SIMILARITY"
    except
    select * from "test_similarities"

),

only_in_fixtures as (

    select * from "test_similarities"
    except
    select * from "USER_PROJECT_SIMILARITY"

),

final as (

    select 'USER_PROJECT_SIMILARITY' as only_in, * from only_in_core
    union all
    select 'test_similarities' as only_in, * from only_in_fixtures

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.the_score_is_the_weighted_sum_of_its_parts
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.the_score_is_the_weighted_sum_of_its_parts', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
with

final as (

    select *
    from "USER_PROJECT_SIMILARITY"
    where
        similarity_score::numeric
        is distinct from round(
            current_setting('ost.weight_semantic')::numeric * semantic_similarity::numeric
            + current_setting('ost.weight_category')::numeric * category_similarity::numeric
            + current_setting('ost.weight_language')::numeric * language_similarity::numeric
            + current_setting('ost.weight_popularity')::numeric * popularity_similarity::numeric,
            6
        )

)

select * from final
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_categories_id.f38dd21095
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_categories_id.f38dd21095', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    id as unique_field,
    count(*) as n_records

from "raw_categories"
where id is not null
group by id
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_categories_name.35a2a2bcbe
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_categories_name.35a2a2bcbe', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    name as unique_field,
    count(*) as n_records

from "raw_categories"
where name is not null
group by name
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_projects_full_name.8e31ca41a6
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_projects_full_name.8e31ca41a6', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    full_name as unique_field,
    count(*) as n_records

from "raw_projects"
where full_name is not null
group by full_name
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_projects_id.6d558d70b8
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_projects_id.6d558d70b8', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    id as unique_field,
    count(*) as n_records

from "raw_projects"
where id is not null
group by id
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_tech_stacks_id.065a3235b6
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_tech_stacks_id.065a3235b6', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    id as unique_field,
    count(*) as n_records

from "raw_tech_stacks"
where id is not null
group by id
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_tech_stacks_name.e9dff47b97
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_tech_stacks_name.e9dff47b97', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    name as unique_field,
    count(*) as n_records

from "raw_tech_stacks"
where name is not null
group by name
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_users_email.9e5563034c
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_users_email.9e5563034c', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    email as unique_field,
    count(*) as n_records

from "raw_users"
where email is not null
group by email
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_users_id.109c057a77
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_users_id.109c057a77', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    id as unique_field,
    count(*) as n_records

from "raw_users"
where id is not null
group by id
having count(*) > 1
-- end of failing rows
) as failing;

-- check test.ost.unique_raw_users_username.26aa86170b
insert into pg_temp.ost_checks (check_id, failures, status)
select 'test.ost.unique_raw_users_username.26aa86170b', count(*), case when count(*) != 0 then 'fail' when count(*) != 0 then 'warn' else 'pass' end
from (
-- failing rows
select
    username as unique_field,
    count(*) as n_records

from "raw_users"
where username is not null
group by username
having count(*) > 1
-- end of failing rows
) as failing;
