-- Source rows that still wait in quarantine: not released since, and their load not taken back.
with
events as (
    select
        extract,
        origin_load_id,
        source_row,
        event
    from {{ ref('stg_lake__quarantined_rows') }}
),

released as (
    select distinct
        extract,
        origin_load_id,
        source_row
    from events
    where event = 'released'
),

quarantined as (
    select distinct
        extract,
        origin_load_id,
        source_row
    from events
    where event = 'quarantined'
)

select
    quarantined.extract,
    quarantined.origin_load_id as load_id,
    quarantined.source_row
from quarantined
inner join {{ ref('int_loads__standing') }} as loads
    on quarantined.origin_load_id = loads.load_id and loads.taken_back_at is null
left join released
    on
        quarantined.extract = released.extract
        and quarantined.origin_load_id = released.origin_load_id
        and quarantined.source_row = released.source_row
where released.source_row is null
