{#-
    What dbt's adapter for Spark does otherwise than others, under the names by which dbt finds it. Belongs here: macros
    of dbt's own. Does not belong here: macros of this project, whose variant for Spark stands beside them.
-#}

{#- dbt-spark's session makes the text None of an empty cell and leaves an apostrophe as it is. -#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set statements = [] -%}
    {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
        {%- set rows = [] -%}
        {%- for row in chunk -%}
            {%- set values = [] -%}
            {%- for column in agate_table.column_names -%}
                {%- set type = types.get(column, adapter.convert_type(agate_table, loop.index0)) -%}
                {%- do values.append('cast(' ~ _spark_literal(row[loop.index0]) ~ ' as ' ~ type ~ ')') -%}
            {%- endfor -%}
            {%- do rows.append('(' ~ values | join(', ') ~ ')') -%}
        {%- endfor -%}
        {%- do statements.append('insert into ' ~ this.render() ~ ' values\n' ~ rows | join(',\n')) -%}
        {%- do adapter.add_query(statements[-1], abridge_sql_log=True) -%}
    {%- endfor -%}
    {{ return(statements[0]) }}
{% endmacro %}

{% macro _spark_literal(value) -%}
    {{ return('null' if value is none else "'" ~ value | string | replace("\\", "\\\\") | replace("'", "\\'") ~ "'") }}
{%- endmacro %}

{#- The adapter leaves out the order. -#}
{% macro spark__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    listagg({{ measure }}, {{ delimiter_text }}) within group ({{ order_by_clause }})
{%- endmacro %}

{#- The whole numbers of a column of a seed: of the table itself, not of what a unit test gives in its place. -#}
{% macro spark_seed_numbers(table_name, column) -%}
    {%- set found = 'select distinct ' ~ column ~ ' from ' ~ table_name ~ ' where ' ~ column ~ ' > 0' -%}
    {{ return(run_query(found).columns[0].values() | map('int') | sort if execute else []) }}
{%- endmacro %}
