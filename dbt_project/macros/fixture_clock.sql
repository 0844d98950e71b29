{#
    The moment at which every derived row claims to have been made. A literal with an explicit offset: the same
    instant on every run, whatever the clock or the time zone of the session.
#}
{% macro fixture_clock() -%}
    timestamptz '2025-03-10 00:00:00+00:00'
{%- endmacro %}
