-- The best projects for one user ($1), at most $2, none below the score $3; ties broken by project id.
select
    p.id,
    p.title,
    p.description,
    s.similarity_score,
    s.semantic_similarity,
    s.category_similarity,
    s.language_similarity,
    s.popularity_similarity,
    p.stargazers_count,
    p.primary_language,
    array(
        select c.name
        from "PROJECT_CATEGORY" as pc
        join "CATEGORY" as c on c.id = pc.category_id
        where pc.project_id = p.id
        order by c.name collate "C"
    ) as categories,
    array(
        select t.name
        from "PROJECT_TECH_STACK" as pt
        join "TECH_STACK" as t on t.id = pt.tech_stack_id
        where pt.project_id = p.id
        order by t.name collate "C"
    ) as tech_stacks
from "USER_PROJECT_SIMILARITY" as s
join "PROJECT" as p on p.id = s.project_id
where s.user_id = $1::uuid and s.similarity_score >= $3::double precision
order by s.similarity_score desc, s.project_id
limit $2::integer
