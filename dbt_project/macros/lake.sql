{#-
    How a table of the lake, or tonight's clock, is read. Belongs here: everything that depends on the
    engine's way of reading Parquet. The path of a source is the one its `meta` states.
-#}
{% macro lake_table(table_name, source_name='lake') -%}
    {{ return(adapter.dispatch('lake_table')(table_name, source_name)) }}
{%- endmacro %}

{#- DuckDB resolves the source itself to read_parquet(...), as its meta.external_location says. -#}
{% macro default__lake_table(table_name, source_name) -%}
    {{ return(source(source_name, table_name)) }}
{%- endmacro %}

{% macro spark__lake_table(table_name, source_name) -%}
    {%- do source(source_name, table_name) -%}
    {%- if not execute -%} {{ return('') }} {%- endif -%}
    {%- for node in graph.sources.values() if node.source_name == source_name and node.name == table_name -%}
        {{ return('parquet.`' ~ node.config.meta.folder | replace('{name}', table_name) ~ '`') }}
    {%- endfor -%}
{%- endmacro %}

{#- Names of the extracts, from the sources: those whose rows lie under the lake's accepted/. -#}
{% macro lake_extracts() %}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for node in graph.sources.values()
            if node.source_name == 'lake' and '/accepted/' in node.config.meta.folder -%}
            {%- do names.append(node.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names | sort) }}
{% endmacro %}
