{#
    A seed's table, its yml and its column_types name the same columns; one row per column that one of them lacks.
    dbt ignores a column type that no column of the file has and guesses the type of a column that has none, so a
    misspelt name would go unnoticed.
#}
{% test has_exactly_columns(model) %}

{#- While dbt parses, the graph is empty. -#}
{%- set seed = {'columns': {}, 'config': {'column_types': {}}} -%}
{%- if execute -%}
    {%- set seed = graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'seed')
        | selectattr('schema', 'equalto', model.schema)
        | selectattr('alias', 'equalto', model.identifier)
        | first
        | default(none) -%}
    {%- if seed is none -%}
        {{ exceptions.raise_compiler_error("has_exactly_columns is for seeds, and " ~ model ~ " is none") }}
    {%- endif -%}
{%- endif %}

with

columns as (

    select
        'yml' as place,
        unnest(array['{{ seed.columns | join("', '") }}']) as column_name

    union all

    select
        'column_types' as place,
        unnest(array['{{ seed.config.column_types | join("', '") }}']) as column_name

    union all

    select
        'table' as place,
        attname::text as column_name
    from pg_attribute
    where
        attrelid = '{{ model }}'::regclass
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

{% endtest %}
