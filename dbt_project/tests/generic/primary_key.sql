{#-
    The columns are the model's key: no two rows share them and, unless `nullable`, none is null.
    `only_tonight`: look at the loads of tonight's run only. Rows of the lake never change, so once is enough.
-#}
{% test primary_key(model, columns, nullable=[], only_tonight=false) %}
with
rows_to_check as (
    select {{ columns | join(', ') }}
    from {{ model }}
    {%- if only_tonight %}
    where load_id in (
        select loads.load_id
        from {{ ref('int_loads__standing') }} as loads
        inner join {{ ref('stg_tonight__clock') }} as clock on loads.run_id = clock.run_id
    )
    {%- endif %}
)

select
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    count(*) as copies
from rows_to_check
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns if column not in nullable %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
