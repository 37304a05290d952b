with
days as (
    {{ dbt.date_spine(
        'day',
        "cast('" ~ var('first_calendar_day') ~ "' as date)",
        add_days(1, "cast('" ~ var('last_calendar_day') ~ "' as date)")
    ) }}
),

numbered as (
    select
        cast(date_day as date) as date_day,
        cast(extract(year from date_day) as bigint) as calendar_year,
        cast(extract(month from date_day) as bigint) as month_number,
        cast(extract(day from date_day) as bigint) as day_of_month,
        {{ month_start('date_day') }} as month_starts_on,
        {{ iso_weekday('cast(date_day as date)') }} as iso_weekday
    from days
),

-- The financial year is the calendar year of the same day three months earlier.
placed as (
    select
        *,
        calendar_year - case when month_number < 4 then 1 else 0 end as financial_year_starting,
        mod(month_number + 8, 12) + 1 as financial_month,
        {{ add_days('1 - iso_weekday', 'date_day') }} as iso_week_starts_on,
        cast(extract(year from {{ add_days('4 - iso_weekday', 'date_day') }}) as bigint) as iso_year
    from numbered
)

select
    date_day,
    calendar_year,
    cast(ceil(month_number / 3.0) as bigint) as calendar_quarter,
    month_number,
    day_of_month,
    month_starts_on,
    {{ add_days('-1', add_months(1, 'month_starts_on')) }} as month_ends_on,
    iso_weekday,
    iso_week_starts_on,
    iso_year,
    cast(extract(week from date_day) as bigint) as iso_week,
    {{ dbt.concat([
        'cast(financial_year_starting as ' ~ dbt.type_string() ~ ')',
        "'/'",
        dbt.right('cast(financial_year_starting + 1 as ' ~ dbt.type_string() ~ ')', 2),
    ]) }} as financial_year,
    financial_year_starting,
    cast(ceil(financial_month / 3.0) as bigint) as financial_quarter,
    financial_month,
    iso_weekday >= 6 as is_weekend
from placed
