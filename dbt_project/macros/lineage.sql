{#-
    Which published tables depend on which extract, read from the project's own graph, so that it can
    never differ from what is built. Gives (extract, schema, table), sorted; empty while dbt parses.
-#}
{% macro published_tables_by_extract() %}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model' and node.access == 'public' and node.name != this.name -%}
            {%- for extract in extracts_behind(node.unique_id) -%}
                {%- do found.append((extract, node.schema, node.alias)) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found | sort) }}
{% endmacro %}

{% macro extracts_behind(unique_id) %}
    {%- set seen = [unique_id] -%}
    {%- set extracts = [] -%}
    {%- for step in seen -%}
        {%- if step in graph.nodes -%}
            {%- for parent in graph.nodes[step].depends_on.nodes if parent not in seen -%}
                {%- do seen.append(parent) -%}
            {%- endfor -%}
        {%- elif step in graph.sources and graph.sources[step].source_name == 'lake' -%}
            {%- do extracts.append(graph.sources[step].name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(extracts | unique | sort | list) }}
{% endmacro %}
