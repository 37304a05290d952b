{#-
    Bitemporal versions of one entity, from all rows ever accepted for it.

    rows         relation with the rows: key, content, published_on, received_at, load_id, source_row
    extract      the extract that `rows` comes from
    key          columns that identify the entity
    scope        columns of the key that are never null; what a new load touches is recomputed by these
    content      columns whose change makes a new version
    effective_on a date of the row that says from when it holds, before published_on
    rank_by      a number that goes before every date in the order of rows (an edition's rank)
    lowest_of    a number of which only an entity's lowest counts (a register's rank)
    withdrawn_if a condition under which the row takes the entity's content back

    The order of an entity's rows is (rank_by, effective date, received_at, load_id, source_row). A row
    holds from its effective date until that of any row further on in the order (valid_from, valid_to),
    so a row whose successor holds from an earlier date was never in force; it stays, with valid_from =
    valid_to. In the same way it is the best we know from the moment it was received until a row further
    on in the order is (known_from, known_to); a row that was released from quarantine by a later run, or
    brought by a load that took the place of another, is known from that run on. Neighbours in the order with the same content are one
    version, as long as they were received in that order too: else what we knew could not be told.

    A load that is taken back splits the time of its entities into epochs. Each epoch has its own
    order of rows, of those loads that stand in it; what goes on from one epoch into the next is one
    version. An entity that has no row left then has a withdrawn version. Everything depends on the set
    of rows only, never on the night in which they came.
-#}
{% macro versioned(rows, extract, key, scope, content, effective_on=none, rank_by=none, lowest_of=none,
                   withdrawn_if=none) %}
{%- set carried = key + content -%}
{%- set lineage = ['published_on', 'received_at', 'load_id', 'source_row', 'is_synthetic'] -%}
{%- set order_columns = ['order_rank', 'effective_at', 'received_at', 'load_id', 'source_row'] -%}
{%- set in_order -%}
partition by entity_key, epoch_from order by {{ order_columns | join(' nulls last, ') }} nulls last
{%- endset -%}
{%- set same_row -%}
entity_key, load_id, source_row, order_rank, effective_at
{%- endset -%}
{%- set by_row -%}
partition by {{ same_row }} order by epoch_from nulls last
{%- endset -%}
{%- set published = [
    'version_id', 'entity_key'] + carried + ['is_withdrawn', 'valid_from', 'valid_to', 'is_latest', 'was_in_force',
    'known_from', 'known_to', 'revision_number'] + lineage + ['reinstated_by_load_id', 'last_confirmed_load_id'] -%}
{%- set new_loads = loads_since_last_build(extract) -%}
{%- if new_loads is not none and new_loads | length == 0 %}
select {{ published | join(', ') }}
from {{ this }}
where 1 = 0
{%- else %}
with
{%- if new_loads is not none %}
touched as (
    {{ touched_by(rows, scope, new_loads) }}
),
{%- endif %}

delivered as (
    select
        {{ surrogate_key(prefixed(key, 'delivered')) }} as entity_key,
        {{ surrogate_key(prefixed(content, 'delivered')) }} as content_key,
        {%- for column in carried %}
        delivered.{{ column }},
        {%- endfor %}
        {{ 'coalesce(' ~ withdrawn_if ~ ', false)' if withdrawn_if else 'false' }} as is_withdrawn,
        {{ 'delivered.' ~ rank_by if rank_by else '0' }} as order_rank,
        {{ 'delivered.' ~ lowest_of if lowest_of else '0' }} as preference,
        {{ at_midnight('coalesce(delivered.' ~ effective_on ~ ', delivered.published_on)' if effective_on
            else 'delivered.published_on') }} as effective_at,
        delivered.published_on,
        delivered.received_at,
        greatest(delivered.received_at, coalesce(loads.counts_from, delivered.received_at)) as known_at,
        delivered.load_id,
        delivered.source_row,
        loads.is_synthetic,
        loads.taken_back_at,
        loads.taken_back_by_load_id
    from {{ rows }} as delivered
    inner join {{ ref('int_loads__standing') }} as loads on delivered.load_id = loads.load_id
    {%- if new_loads is not none %}
    inner join touched on
        {%- for column in scope %}
        {{ 'and ' if not loop.first }}delivered.{{ column }} = touched.{{ column }}
        {%- endfor %}
    {%- endif %}
),

takings_back as (
    select
        {%- for column in ['entity_key'] + key %}
        {{ column }},
        {%- endfor %}
        taken_back_at as epoch_from,
        min(taken_back_by_load_id) as opened_by_load_id,
        bool_or(is_synthetic) as is_synthetic
    from delivered
    where taken_back_at is not null
    group by
        {%- for column in ['entity_key'] + key %}
        {{ column }},
        {%- endfor %}
        taken_back_at
),

later_epochs as (
    select
        *,
        coalesce(
            lead(epoch_from) over (partition by entity_key order by epoch_from nulls last), {{ end_of_time() }}
        ) as epoch_until
    from takings_back
),

first_epochs as (
    select
        entity_key,
        min(epoch_from) as epoch_until
    from takings_back
    group by entity_key
),

in_epochs as (
    select
        delivered.*,
        {{ start_of_time() }} as epoch_from,
        coalesce(first_epochs.epoch_until, {{ end_of_time() }}) as epoch_until,
        cast(null as {{ dbt.type_string() }}) as opened_by_load_id,
        first_epochs.entity_key is not null as is_split,
        false as is_remainder
    from delivered
    left join first_epochs on delivered.entity_key = first_epochs.entity_key

    union all

    select
        delivered.*,
        later_epochs.epoch_from,
        later_epochs.epoch_until,
        later_epochs.opened_by_load_id,
        true as is_split,
        false as is_remainder
    from delivered
    inner join later_epochs on delivered.entity_key = later_epochs.entity_key
    where delivered.taken_back_at is null or delivered.taken_back_at > later_epochs.epoch_from

    union all

    -- What holds in an epoch until, or unless, a row that still stands does.
    select
        entity_key,
        'nothing left' as content_key,
        {%- for column in key %}
        {{ column }},
        {%- endfor %}
        {%- for column in content %}
        null as {{ column }},
        {%- endfor %}
        true as is_withdrawn,
        -1 as order_rank,
        null as preference,
        epoch_from as effective_at,
        cast(epoch_from as date) as published_on,
        epoch_from as received_at,
        epoch_from as known_at,
        opened_by_load_id as load_id,
        null as source_row,
        is_synthetic,
        null as taken_back_at,
        null as taken_back_by_load_id,
        epoch_from,
        epoch_until,
        opened_by_load_id,
        true as is_split,
        true as is_remainder
    from later_epochs
),
{%- if lowest_of %}

trusted as (
    select *
    from in_epochs
    qualify is_remainder or preference = min(preference) over (partition by entity_key, epoch_from)
),
{%- endif %}

ordered as (
    select
        *,
        lag(content_key) over ({{ in_order }}) as previous_content_key,
        lag(known_at) over ({{ in_order }}) as previous_known_at,
        lag(load_id) over ({{ in_order }}) as previous_load_id,
        min(effective_at) over ({{ in_order }} rows between current row and unbounded following) as holds_from,
        min(known_at) over ({{ in_order }} rows between current row and unbounded following) as surpassed_from,
        last_value(load_id) over (
            {{ in_order }} rows between unbounded preceding and unbounded following
        ) as last_load_id
    from {{ 'trusted' if lowest_of else 'in_epochs' }}
),

distinct_in_order as (
    select
        *,
        row_number() over ({{ in_order }}) as position,
        coalesce(lead(holds_from) over ({{ in_order }}), {{ end_of_time() }}) as holds_until,
        coalesce(lead(surpassed_from) over ({{ in_order }}), {{ end_of_time() }}) as surpassed_at,
        coalesce(lead(previous_load_id) over ({{ in_order }}), last_load_id) as last_confirmed_load_id
    from ordered
    where
        previous_content_key is null
        or previous_content_key <> content_key
        or previous_known_at > known_at
),

within_epoch as (
    select
        *,
        greatest(holds_from, epoch_from) as valid_from,
        greatest(least(holds_until, epoch_until), holds_from, epoch_from) as valid_to,
        greatest(known_at, epoch_from) as known_from,
        greatest(least(surpassed_at, epoch_until), known_at, epoch_from) as known_to
    from distinct_in_order
),

-- Entities of which a load was taken back. A part is a version within one epoch.
parts as (
    select
        *,
        lag(epoch_until) over ({{ by_row }}) = epoch_from
        and lag(valid_to) over ({{ by_row }}) = epoch_from
        and lag(valid_from) over ({{ by_row }}) < epoch_from
        and valid_from = epoch_from
        and valid_from < valid_to
        and (
            lag(known_from) over ({{ by_row }}) = lag(known_to) over ({{ by_row }})
            or known_from = known_to
            or lag(known_to) over ({{ by_row }}) = known_from
        ) as goes_on
    from within_epoch
    where is_split
),

numbered_parts as (
    select
        *,
        sum(case when goes_on then 0 else 1 end) over ({{ by_row }}) as part_of
    from parts
),

joined_parts as (
    select
        *,
        max(valid_to) over (partition by {{ same_row }}, part_of) as joined_valid_to,
        min(case when known_from < known_to then known_from end) over (partition by {{ same_row }}, part_of)
            as joined_known_from,
        max(case when known_from < known_to then known_to end) over (partition by {{ same_row }}, part_of)
            as joined_known_to,
        last_value(last_confirmed_load_id) over (
            partition by {{ same_row }}, part_of order by epoch_from nulls last
            rows between unbounded preceding and unbounded following
        ) as joined_confirmed_load_id,
        max(case when valid_from < valid_to or known_from < known_to then 1 else 0 end) over (
            partition by {{ same_row }}
        ) as ever_counted,
        row_number() over ({{ by_row }}) as place
    from numbered_parts
),

-- A row that never counted in any epoch stays once, unless it only says that nothing was left.
split_versions as (
    select *
    from joined_parts
    where
        not coalesce(goes_on, false)
        and (
            valid_from < valid_to
            or known_from < known_to
            or (ever_counted = 0 and place = 1 and not is_remainder)
        )
),

versions as (
    select
        {%- for column in ['entity_key'] + carried + lineage %}
        {{ column }},
        {%- endfor %}
        is_withdrawn,
        order_rank,
        effective_at,
        valid_from,
        valid_to,
        known_from,
        known_to,
        position as revision_number,
        null as reinstated_by_load_id,
        last_confirmed_load_id
    from within_epoch
    where not is_split

    union all

    select
        {%- for column in ['entity_key'] + carried + lineage %}
        {{ column }},
        {%- endfor %}
        is_withdrawn,
        order_rank,
        effective_at,
        valid_from,
        joined_valid_to as valid_to,
        coalesce(joined_known_from, known_from) as known_from,
        coalesce(joined_known_to, known_from) as known_to,
        row_number() over (
            partition by entity_key
            order by valid_from nulls last, joined_valid_to nulls last, epoch_from nulls last, position nulls last
        ) as revision_number,
        case when not is_remainder and holds_from < epoch_from and known_at < epoch_from then opened_by_load_id end
            as reinstated_by_load_id,
        joined_confirmed_load_id as last_confirmed_load_id
    from split_versions
)

select
    {{ surrogate_key(['entity_key', 'load_id', 'source_row', 'order_rank', 'effective_at', 'valid_from', 'known_from']) }}
        as version_id,
    {%- for column in ['entity_key'] + carried + lineage %}
    {{ column }},
    {%- endfor %}
    is_withdrawn,
    valid_from,
    valid_to,
    valid_to = {{ end_of_time() }} as is_latest,
    valid_from < valid_to as was_in_force,
    known_from,
    known_to,
    cast(revision_number as bigint) as revision_number,
    reinstated_by_load_id,
    last_confirmed_load_id
from versions
{%- endif %}
{% endmacro %}

{#- The columns with the name of their relation before them. -#}
{% macro prefixed(columns, relation) %}
    {%- set names = [] -%}
    {%- for column in columns %}{% do names.append(relation ~ '.' ~ column) %}{% endfor -%}
    {{ return(names) }}
{% endmacro %}
