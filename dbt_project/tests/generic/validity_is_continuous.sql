{#-
    Versions follow each other without a gap and without an overlap until the end of time; those that
    begin and end at the same moment do not count, and none ends before it begins.
-#}
{% test validity_is_continuous(model, key, valid_from='valid_from', valid_to='valid_to') %}
with
in_force as (
    select
        {{ key | join(', ') }},
        {{ valid_from }} as begins,
        {{ valid_to }} as ends,
        lead({{ valid_from }}) over (
            partition by {{ key | join(', ') }} order by {{ valid_from }} nulls last
        ) as next_begins
    from {{ model }}
    where {{ valid_from }} <> {{ valid_to }}
)

select
    {{ key | join(', ') }},
    begins,
    ends,
    next_begins
from in_force
where ends < begins or ends is distinct from coalesce(next_begins, {{ end_of_time() }})
{% endtest %}
