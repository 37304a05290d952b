{{ config(
    description='Organisations, units and projects that the tables of latest rows name are in their registers.',
    meta={'dagster': {'ref': {'name': 'fct_workforce_month'}}}
) }}
{%- set of_units = [
    'fct_maturity_assessment', 'fct_training', 'fct_survey_result', 'fct_workforce_month', 'fct_leadership_post',
    'fct_collaboration_tie', 'fct_experience_event', 'fct_support_role', 'fct_compact_commitment'
] %}
{%- set no_text = 'cast(null as ' ~ dbt.type_string() ~ ')' %}
with
named as (
    {%- for table in of_units %}
    select
        organisation_code,
        unit_code,
        {{ 'project_id' if table == 'fct_experience_event' else no_text }} as project_id
    from {{ ref(table) }}
    union
    {%- endfor %}
    select
        to_organisation_code,
        to_unit_code,
        null as project_id
    from {{ ref('fct_collaboration_tie') }}
    union
    select
        organisation_code,
        null as unit_code,
        null as project_id
    from {{ ref('fct_governance_item') }}
    union
    select
        organisation_code,
        null as unit_code,
        null as project_id
    from {{ ref('fct_rating') }}
    union
    select
        payer_organisation_code,
        null as unit_code,
        project_id
    from {{ ref('fct_benefit') }}
    union
    select
        receiver_organisation_code,
        null as unit_code,
        null as project_id
    from {{ ref('fct_benefit') }}
)

select
    named.organisation_code,
    named.unit_code,
    named.project_id
from named
where
    (
        named.organisation_code is not null
        and named.organisation_code not in (select known.organisation_code from {{ ref('dim_organisation') }} as known)
    )
    or (
        named.project_id is not null
        and named.project_id not in (select known.project_id from {{ ref('dim_project') }} as known)
    )
    or (
        named.unit_code is not null
        and not exists (
            select 1
            from {{ ref('dim_unit') }} as known
            where known.organisation_code = named.organisation_code and known.unit_code = named.unit_code
        )
    )
