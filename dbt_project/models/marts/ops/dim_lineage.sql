{%- set dependants = published_tables_by_extract() -%}
with
lineage as (
    {%- for extract, schema_name, table_name in dependants %}
    select
        '{{ extract }}' as extract,
        '{{ schema_name }}' as schema_name,
        '{{ table_name }}' as table_name
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as extract,
        cast(null as {{ dbt.type_string() }}) as schema_name,
        cast(null as {{ dbt.type_string() }}) as table_name
    where 1 = 0
    {%- endfor %}
)

select
    extract,
    schema_name,
    table_name
from lineage
