{#-
    What an incremental model has still to do. Belongs here: the watermark (the last load a model has
    taken in, written in the transaction that took it in) and the loads that came, or were taken back,
    since. Does not belong here: what is done with their rows.
-#}

{% macro watermark_table() -%} intermediate.build_watermark {%- endmacro %}

{% macro create_watermark_table() %}
    {%- if target.type == 'duckdb' %}
    create schema if not exists intermediate;
    create table if not exists {{ watermark_table() }} (model_name varchar, load_id varchar)
    {%- endif %}
{% endmacro %}

{% macro record_watermark() %}
    {%- if target.type == 'duckdb' %}
    delete from {{ watermark_table() }} where model_name = '{{ this.name }}';
    insert into {{ watermark_table() }}
    select
        '{{ this.name }}',
        coalesce(max(load_id), 'L0000000')
    from {{ ref('int_loads__standing') }}
    {%- endif %}
{% endmacro %}

{#-
    Load ids of an extract whose rows this model has not seen, or that were taken back since it last
    ran. None when the model is built in full; an empty list on a night without anything new.
-#}
{% macro loads_since_last_build(extract) %}
    {%- set standing = ref('int_loads__standing') -%}
    {%- if not (execute and is_incremental()) -%} {{ return(none) }} {%- endif -%}
    {%- set found -%}
    with
    watermark as (
        select max(load_id) as load_id
        from {{ watermark_table() }}
        where model_name = '{{ this.name }}'
    )

    select loads.load_id
    from {{ standing }} as loads
    inner join watermark
        on loads.load_id > watermark.load_id or loads.taken_back_by_load_id > watermark.load_id
    where loads.extract = '{{ extract }}' and loads.has_rows
    order by loads.load_id
    {%- endset -%}
    {{ return(run_query(found).columns[0].values() | list) }}
{% endmacro %}

{#- The distinct `columns` of the rows that these loads brought. -#}
{% macro touched_by(rows, columns, load_ids) %}
    select distinct {{ columns | join(', ') }}
    from {{ rows }}
    where load_id in ('{{ load_ids | join("', '") }}')
{% endmacro %}
