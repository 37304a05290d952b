{#- Several columns together refer to rows of another model; rows where one of them is null are not checked. -#}
{% test known_together(model, columns, to) %}
select distinct {{ prefixed(columns, 'referring') | join(', ') }}
from {{ model }} as referring
left join (select distinct {{ columns | join(', ') }} from {{ to }}) as referred
    on
        {%- for column in columns %}
        {{ 'and ' if not loop.first }}referring.{{ column }} = referred.{{ column }}
        {%- endfor %}
where
    referred.{{ columns[0] }} is null
    {%- for column in columns %}
    and referring.{{ column }} is not null
    {%- endfor %}
{% endtest %}
