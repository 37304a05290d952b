{#- Every key has exactly one version with is_latest, and that one was in force. -#}
{% test one_latest_version(model, key) %}
select
    {{ key | join(', ') }},
    sum(case when is_latest then 1 else 0 end) as latest_versions
from {{ model }}
group by {{ key | join(', ') }}
having
    sum(case when is_latest then 1 else 0 end) <> 1
    or sum(case when is_latest and not was_in_force then 1 else 0 end) > 0
{% endtest %}
