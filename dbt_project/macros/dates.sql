{#- Date arithmetic with the same result on every engine. Every macro takes and gives SQL expressions. -#}

{% macro start_of_time() -%} cast('{{ var("start_of_time") }}' as {{ dbt.type_timestamp() }}) {%- endmacro %}

{% macro end_of_time() -%} cast('{{ var("end_of_time") }}' as {{ dbt.type_timestamp() }}) {%- endmacro %}

{#- The lake's timestamps have no zone and mean UTC; some engines read them as a type of its own. -#}
{% macro as_timestamp(column) -%} cast({{ column }} as {{ dbt.type_timestamp() }}) {%- endmacro %}

{% macro at_midnight(date_column) -%} cast({{ date_column }} as {{ dbt.type_timestamp() }}) {%- endmacro %}

{% macro add_days(days, date_column) -%} cast({{ dbt.dateadd('day', days, date_column) }} as date) {%- endmacro %}

{% macro add_months(months, date_column) -%}
    cast({{ dbt.dateadd('month', months, date_column) }} as date)
{%- endmacro %}

{% macro month_start(date_column) -%} cast({{ dbt.date_trunc('month', date_column) }} as date) {%- endmacro %}

{% macro days_between(from_date, to_date) -%}
    cast({{ dbt.datediff(from_date, to_date, 'day') }} as bigint)
{%- endmacro %}

{#- 1 is Monday, 7 is Sunday; engines number their own weekdays differently. 1900-01-01 was a Monday. -#}
{% macro iso_weekday(date_column) -%}
    mod({{ days_between("cast('1900-01-01' as date)", date_column) }}, 7) + 1
{%- endmacro %}

{#-
    Where in the year or week the periods of a measure begin: its first period's weekday for weeks,
    month within the quarter for quarters, month for years; 0 for days and months.
-#}
{% macro period_anchor(frequency, date_column) -%}
    cast(case {{ frequency }}
        when 'week' then {{ iso_weekday(date_column) }}
        when 'quarter' then mod(extract(month from {{ date_column }}), 3)
        when 'year' then extract(month from {{ date_column }})
        else 0
    end as bigint)
{%- endmacro %}

{#- First day of the period of this frequency and anchor that a date lies in. -#}
{% macro period_start_of(frequency, anchor, date_column) -%}
    {%- set month_number = "cast(extract(month from " ~ date_column ~ ") as bigint)" -%}
    case {{ frequency }}
        when 'day' then {{ date_column }}
        when 'week' then {{ add_days("-mod(" ~ iso_weekday(date_column) ~ " - " ~ anchor ~ " + 7, 7)", date_column) }}
        when 'month' then {{ month_start(date_column) }}
        when 'quarter'
            then {{ add_months("-mod(" ~ month_number ~ " - " ~ anchor ~ " + 3, 3)", month_start(date_column)) }}
        when 'year'
            then {{ add_months("-mod(" ~ month_number ~ " - " ~ anchor ~ " + 12, 12)", month_start(date_column)) }}
    end
{%- endmacro %}
