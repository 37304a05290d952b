{#-
    How the rows of a seed become a table on engines whose adapter does it wrongly. Belongs here: text to literals.
    Does not belong here: what the seeds say.
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
