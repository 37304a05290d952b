{#- Hash of several columns of any type; a null differs from every text. -#}
{% macro surrogate_key(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append("coalesce(cast(" ~ column ~ " as " ~ dbt.type_string() ~ "), '<null>')") -%}
        {%- if not loop.last %}{% do parts.append("'~|~'") %}{% endif -%}
    {%- endfor -%}
    {{ dbt.hash(dbt.concat(parts)) }}
{%- endmacro %}

{#-
    A whole number for a text, the same every night: 60 bits of its hash. Quicker than text to keep and to join by.
    Where it is a key it is tested, because two texts may have the same number (of a million one in two million).
-#}
{% macro number_of(text) -%} {{ return(adapter.dispatch('number_of')(text)) }} {%- endmacro %}

{% macro default__number_of(text) -%} cast('0x' || substr({{ dbt.hash(text) }}, 1, 15) as bigint) {%- endmacro %}

{% macro spark__number_of(text) -%} cast(conv(substr({{ dbt.hash(text) }}, 1, 15), 16, 10) as bigint) {%- endmacro %}
