{# No two rows agree in all of the columns; one row per combination that occurs more than once. #}
{% test is_unique_together(model, columns) %}

with

final as (

    select
        {{ columns | join(', ') }},
        count(*) as occurrences
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1

)

select * from final

{% endtest %}
