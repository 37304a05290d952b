{#-
    Which series have to be charted tonight. Belongs here: what touches a series (its points, events, targets,
    definition). Does not belong here: how it is charted.
-#}

{#- The models that keep charts from night to night; a series is done when all of them have it. -#}
{% macro spc_kept_models() -%}
    {{ return([
        'int_spc__points', 'fct_spc_phase', 'int_spc__summaries', 'int_spc__ends', 'int_spc__change_points',
        'fct_rag_change', 'fct_time_to_signal'
    ]) }}
{%- endmacro %}

{#- The load up to which every kept model is complete; none when one of them has to be built in full. -#}
{% macro spc_watermark() %}
    {%- if not execute or flags.FULL_REFRESH or target.type != 'duckdb' -%} {{ return(none) }} {%- endif -%}
    {%- set schema_name, table_name = watermark_table().split('.') -%}
    {%- if adapter.get_relation(target.database, schema_name, table_name) is none -%} {{ return(none) }} {%- endif -%}
    {%- set found -%}
    select
        count(*) as models,
        min(load_id) as load_id
    from {{ watermark_table() }}
    where model_name in ('{{ spc_kept_models() | join("', '") }}')
    {%- endset -%}
    {%- set row = run_query(found).rows[0] -%}
    {{ return(row[1] if row[0] == spc_kept_models() | length else none) }}
{% endmacro %}

{#- Loads of an extract that came, or were taken back, after the watermark: {'came': ids, 'taken_back': ids}. -#}
{% macro spc_loads_after(extract, watermark) %}
    {%- set found -%}
    select
        loads.load_id,
        loads.load_id > '{{ watermark }}' as is_new,
        coalesce(loads.taken_back_by_load_id > '{{ watermark }}', false) as is_taken_back,
        loads.taken_back_by_load_id
    from {{ ref('int_loads__standing') }} as loads
    where
        loads.extract = '{{ extract }}'
        and loads.has_rows
        and (loads.load_id > '{{ watermark }}' or loads.taken_back_by_load_id > '{{ watermark }}')
    order by loads.load_id
    {%- endset -%}
    {%- set came = [] -%}
    {%- set taken_back = [] -%}
    {%- for row in run_query(found).rows -%}
        {%- do came.append(row[0]) -%}
        {%- if row[2] -%}
            {%- do taken_back.append(row[0]) -%}
            {%- do came.append(row[3]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({'came': came | unique | list, 'taken_back': taken_back}) }}
{% endmacro %}

{#- The `columns` of versions that these loads made, and of rows that were taken back with them. -#}
{% macro spc_touched(versions, rows, columns, loads) %}
    select {{ columns | join(', ') }}
    from {{ versions }}
    where
        load_id in ('{{ loads.came | join("', '") }}')
        or reinstated_by_load_id in ('{{ loads.came | join("', '") }}')
    {%- if loads.taken_back %}
    union
    select {{ columns | join(', ') }}
    from {{ rows }}
    where load_id in ('{{ loads.taken_back | join("', '") }}')
    {%- endif %}
{% endmacro %}

{#- Projects of which the register or a PDSA cycle has changed after the watermark. -#}
{% macro spc_touched_projects(watermark) %}
    {{ spc_touched(ref('int_projects__versioned'), ref('stg_lake__projects'), ['project_id'],
        spc_loads_after('projects', watermark)) }}
    union
    {{ spc_touched(ref('int_pdsa_cycles__versioned'), ref('stg_lake__pdsa_cycles'), ['project_id'],
        spc_loads_after('pdsa_cycles', watermark)) }}
{% endmacro %}

{#-
    Before a kept model takes tonight's charts in: take out what it has of the same series, and of the projects that
    changed where it tells of projects.
-#}
{% macro spc_forget_changed() %}
    {%- if target.type == 'duckdb' and execute and is_incremental() -%}
    {%- set key = 'series_no' if 'series_no' in model.columns else 'series_id' -%}
    delete from {{ this }}
    {%- if spc_watermark() is not none %}
    where
        {{ key }} in (select {{ key }} from {{ ref('int_spc__changed_series') }})
        {%- if 'project_id' in model.columns %}
        or project_id in ({{ spc_touched_projects(spc_watermark()) }})
        {%- endif %}
    {%- endif %}
    {%- endif -%}
{% endmacro %}
