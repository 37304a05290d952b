{#-
    The latest row of each key, of all rows of loads that stand: for extracts of which the mart keeps no history.
    Belongs here: which row counts. Does not belong here: versions (versioned.sql).

    rows     relation with the rows: key, columns, published_on, received_at, load_id, source_row
    key      columns of the extract's grain
    key_name name of the model's key; where the grain is this one column it is that column itself
    columns  columns to publish, in their order, without published_on unless the extract has its own
    ranks    column of words -> list of the vocabulary that orders them; adds `<column>_rank`

    The order of a key's rows is that of versions: publication date, received_at, load_id, source_row. Rows of a load
    that was taken back do not count, nor do rows released from it, so that the row before them is the latest again.
-#}
{% macro latest_rows(rows, key, key_name, columns, ranks={}) %}
with
standing as (
    select
        load_id,
        is_synthetic
    from {{ ref('int_loads__standing') }}
    where has_rows and taken_back_at is null
),

latest as (
    select
        delivered.*,
        standing.is_synthetic
    from {{ rows }} as delivered
    inner join standing on delivered.load_id = standing.load_id
    qualify
        row_number() over (
            partition by {{ prefixed(key, 'delivered') | join(', ') }}
            order by
                delivered.published_on desc nulls last, delivered.received_at desc, delivered.load_id desc,
                delivered.source_row desc
        ) = 1
)

select
    {%- if key != [key_name] %}
    {{ surrogate_key(prefixed(key, 'latest')) }} as {{ key_name }},
    {%- endif %}
    {%- for column in columns %}
    latest.{{ column }},
    {%- endfor %}
    {%- for column in ranks %}
    {{ column }}_words.sort_order as {{ column }}_rank,
    {%- endfor %}
    latest.received_at,
    latest.load_id,
    latest.source_row,
    latest.is_synthetic
from latest
{%- for column, vocabulary in ranks.items() %}
left join {{ ref('vocabulary') }} as {{ column }}_words
    on {{ column }}_words.vocabulary = '{{ vocabulary }}' and latest.{{ column }} = {{ column }}_words.value
{%- endfor %}
{% endmacro %}
