with
source as (
    select * from {{ lake_table('measures') }}
),

renamed as (
    select
        measure_id,
        measure_name,
        project_id,
        family,
        unit_of_measure,
        coalesce(chart_type, 'auto') as chart_type,
        rule_set_id,
        improvement_direction,
        purpose,
        frequency,
        coalesce(multiplier, 1.0) as multiplier,
        definition,
        quality_domain,
        starts_on,
        ends_on,
        published_on,
        {{ as_timestamp('received_at') }} as received_at,
        load_id,
        source_row
    from source
)

select * from renamed
