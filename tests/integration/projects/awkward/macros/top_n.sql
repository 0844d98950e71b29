{% macro top_n() -%}
    {% if var('lock_parameters', false) %}current_setting('ost.top_n')::numeric{% else %}{{ var('top_n') }}::numeric{% endif %}
{%- endmacro %}
