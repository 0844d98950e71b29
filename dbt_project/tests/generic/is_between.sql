{# Every value lies in [minimum, maximum]; a missing value fails too, which a check constraint would let pass. #}
{% test is_between(model, column_name, minimum, maximum) %}

with

final as (

    select *
    from {{ model }}
    where ({{ column_name }} between {{ minimum }} and {{ maximum }}) is not true

)

select * from final

{% endtest %}
