{#-
    The metrics of one schema, from the one catalogue and the one table of results. Belongs here: what
    maturity and outcomes must say in the same way. Does not belong here: a formula.
-#}

{#- What tells one result from another. -#}
{% macro metric_key() -%}
    {{ return([
        'metric_id', 'organisation_code', 'unit_code', 'measure_id', 'period_start', 'period_end', 'stratum'
    ]) }}
{%- endmacro %}

{#- What a result says. -#}
{% macro metric_says() -%}
    {{ return([
        'value', 'lower', 'upper', 'numerator', 'denominator', 'n', 'p_value', 'homogeneity_p_value', 'method',
        'suppression_reason'
    ]) }}
{%- endmacro %}

{% macro metric_catalogue(schema_name) %}
select
    metric_id,
    metric_name,
    question,
    claim,
    formula,
    unit,
    direction,
    denominator_rule,
    caveat,
    minimum_n,
    source, -- noqa: RF04
    version,
    access, -- noqa: RF04
    is_association,
    counts_people
from {{ ref('metric') }}
where schema_name = '{{ schema_name }}'
{% endmacro %}

{#- Results, each with the release that first published it as it is: tonight's when none did. -#}
{% macro metric_results(schema_name) %}
with
results as (
    select
        {{ surrogate_key(metric_key()) }} as metric_result_id,
        {{ (metric_key() + metric_says()) | join(', ') }}
    from {{ ref('int_metrics__results') }}
    where metric_id in (select metric_id from {{ ref('metric') }} where schema_name = '{{ schema_name }}')
),

published as (
    select
        metric_result_id,
        release_id,
        is_shown,
        {{ metric_says() | join(', ') }}
    from {{ ref('fct_published_metric') }}
    qualify row_number() over (partition by metric_result_id order by release_id desc) = 1
)

select
    results.metric_result_id,
    {%- for name in metric_key() + metric_says() %}
    results.{{ name }},
    {%- endfor %}
    results.suppression_reason is not null as is_suppressed,
    coalesce(published.release_id, clock.release_id) as computed_from_release_id
from results
cross join {{ ref('stg_tonight__clock') }} as clock
left join published
    on
        results.metric_result_id = published.metric_result_id
        and published.is_shown
        {%- for name in metric_says() %}
        and results.{{ name }} is not distinct from published.{{ name }}
        {%- endfor %}
{% endmacro %}

{#- Tonight, its month, and the last twelve whole months. -#}
{% macro month_and_year() -%}
    select
        as_of_date,
        {{ month_start('as_of_date') }} as month_start,
        {{ add_days(-1, add_months(1, month_start('as_of_date'))) }} as month_end,
        {{ add_months(-12, month_start('as_of_date')) }} as year_start,
        {{ add_days(-1, month_start('as_of_date')) }} as year_end
    from {{ ref('stg_tonight__clock') }}
{%- endmacro %}

{#-
    A person's first completed course, the financial year of it, and whether a project was joined within the 180 days
    after it. Reads the CTE clock. Courses that are younger are left out.
-#}
{% macro joiners() -%}
    {%- set applied_within_days = 180 -%}
    select
        learners.organisation_code,
        learners.unit_code,
        learners.person_id,
        {{ period_start_of("'year'", 4, 'learners.completed_on') }} as period_start,
        count(members.project_member_id) > 0 as has_applied
    from (
        select
            organisation_code,
            unit_code,
            person_id,
            completed_on
        from {{ ref('fct_training') }}
        where completed_on is not null
        qualify row_number() over (partition by person_id order by completed_on, training_id) = 1
    ) as learners
    cross join clock
    left join {{ ref('bridge_project_member') }} as members
        on
            learners.person_id = members.person_id
            and learners.completed_on <= members.joined_on
            and {{ add_days(applied_within_days, 'learners.completed_on') }} >= members.joined_on
    where {{ add_days(applied_within_days, 'learners.completed_on') }} <= clock.as_of_date
    group by learners.organisation_code, learners.unit_code, learners.person_id, learners.completed_on
{%- endmacro %}

{#- dbt-duckdb sets the new rows of a Python model that is kept aside in a table of the schema main, for good. -#}
{% macro drop_set_aside() %}
{%- if execute and target.type == 'duckdb' -%}
{%- set left = run_query(
    "select table_name from information_schema.tables where table_schema = 'main' and starts_with(table_name, '"
    ~ this.identifier ~ "__dbt_tmp')"
) -%}
{%- for row in left.rows %}
drop table main."{{ row[0] }}";
{%- endfor -%}
{%- endif -%}
{% endmacro %}
