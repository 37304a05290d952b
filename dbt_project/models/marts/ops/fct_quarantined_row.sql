with
events as (
    select
        load_id,
        extract,
        origin_load_id,
        source_row,
        code,
        column_name,
        event
    from {{ ref('stg_lake__quarantined_rows') }}
),

released as (
    select
        extract,
        origin_load_id,
        source_row,
        min(load_id) as released_by_load_id
    from events
    where event = 'released'
    group by extract, origin_load_id, source_row
)

select
    {{ surrogate_key([
        'events.origin_load_id', 'events.extract', 'events.source_row', 'events.code', 'events.column_name'
    ]) }} as quarantined_row_id,
    events.origin_load_id as load_id,
    events.extract,
    events.source_row,
    events.code,
    events.column_name,
    case when released.released_by_load_id is null then 'open' else 'released' end as status,
    released.released_by_load_id
from events
inner join {{ ref('stg_lake__loads') }} as loads on events.origin_load_id = loads.load_id
left join released
    on
        events.extract = released.extract
        and events.origin_load_id = released.origin_load_id
        and events.source_row = released.source_row
where events.event = 'quarantined'
