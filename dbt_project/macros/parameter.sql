{#
    One of the six parameters of the recommendation, as a numeric.

    With the variable lock_parameters the rendered SQL asks the session for ost.<name> instead of holding the
    value: SQL that is compiled once and kept must still follow the parameters of the run. The variable of that name
    has to exist either way, so a misspelt parameter fails when it is compiled, not when it is run.
#}
{% macro parameter(name) -%}
    {%- set value = var(name) | string | trim -%}
    {%- if not modules.re.fullmatch('[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?', value) -%}
        {{ exceptions.raise_compiler_error("parameter " ~ name ~ " must be a number, got '" ~ value ~ "'") }}
    {%- endif -%}
    {%- if var('lock_parameters', false) -%}
        current_setting('ost.{{ name }}')::numeric
    {%- else -%}
        {{ value }}::numeric
    {%- endif -%}
{%- endmacro %}
