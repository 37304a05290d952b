{{ config(materialized='table') }}
-- What was recorded about single points: that one is not counted, and notes.
select
    series_id,
    {{ number_of('series_id') }} as series_no,
    period_start,
    max(case when event = 'exclude' then 1 else 0 end) = 1 as is_excluded,
    max(case when event = 'exclude' then reason end) as exclusion_reason,
    max(case when event = 'annotate' then reason end) as annotation
from {{ ref('fct_measure_event') }}
where event in ('exclude', 'annotate')
group by series_id, period_start
