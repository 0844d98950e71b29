{#
    Jaccard overlap of two sets from the sizes of the sets and of their intersection, as a numeric in [0, 1].
    Sets that share nothing have no row to count, so a missing size stands for an overlap of 0.
#}
{% macro jaccard(shared, left_size, right_size) -%}
    coalesce({{ shared }}::numeric / ({{ left_size }} + {{ right_size }} - {{ shared }}), 0)
{%- endmacro %}
