{#-
    Probabilities that engines have no function for. Belongs here: closed forms and their source. Every macro
    takes and gives SQL expressions of doubles.
-#}

{#-
    Upper tail of the standard normal distribution at z >= 0: half of erfc(z / sqrt 2) by the Chebyshev fit of
    Press et al. 2007, Numerical Recipes, 6.2; relative error under 1.2e-7 everywhere.
-#}
{% macro normal_tail(z) -%}
    {%- set t = "(1 / (1 + abs(" ~ z ~ ") / (2 * sqrt(2e0))))" -%}
    {%- set terms = [
        0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
        1.00002368, -1.26551223] -%}
    {%- set series = namespace(sum=terms[0] | string ~ "e0") -%}
    {%- for term in terms[1:] -%}
        {%- set series.sum = "(" ~ term ~ "e0 + " ~ t ~ " * " ~ series.sum ~ ")" -%}
    {%- endfor -%}
    (0.5e0 * {{ t }} * exp(-{{ z }} * {{ z }} / 2 + {{ series.sum }}))
{%- endmacro %}

{#-
    The normal distance that is as unlikely as a t of these degrees of freedom, t >= 0 (Wallace 1959, Ann Math
    Stat 30:1121; within a hundredth or so).
-#}
{% macro normal_of_t(t, degrees) -%}
    ((8 * {{ degrees }} + 1) / (8 * {{ degrees }} + 3) * sqrt({{ degrees }} * ln(1 + {{ t }} * {{ t }} / {{ degrees }})))
{%- endmacro %}

{#-
    Degrees of freedom that a sigma from the moving ranges of so many points is worth: its variance is 0.826
    sigma squared over the ranges, that of a standard deviation 0.5 (Cryer & Ryan 1990, J Qual Technol 22:187).
-#}
{% macro spc_moving_range_degrees(points) -%} (0.5e0 / 0.826e0 * ({{ points }} - 1)) {%- endmacro %}

{#- ln n! for whole n >= 0 by Stirling's series at n + 8, error under 1e-9. -#}
{% macro ln_factorial(n) -%}
    {%- set x = "(" ~ n ~ " + 8e0)" -%}
    (
        ({{ x }} - 0.5e0) * ln({{ x }}) - {{ x }} + 0.918938533204672742e0 + 1 / (12 * {{ x }})
        - 1 / (360 * power({{ x }}, 3)) + 1 / (1260 * power({{ x }}, 5))
        - ln({% for step in range(1, 8) %}{{ " * " if not loop.first }}({{ n }} + {{ step }}e0){% endfor %})
    )
{%- endmacro %}

{#- Binomial probability of exactly `hits` of `trials` with chance `p`, 0 < p < 1. -#}
{% macro binomial_probability(hits, trials, p) -%}
    exp(
        {{ ln_factorial(trials) }} - {{ ln_factorial(hits) }} - {{ ln_factorial("(" ~ trials ~ " - " ~ hits ~ ")") }}
        + {{ hits }} * ln({{ p }}) + ({{ trials }} - {{ hits }}) * ln(1 - {{ p }})
    )
{%- endmacro %}

{#- Strengths (-log10 of a chance) at which the simulation counted how often they are reached. -#}
{% macro spc_strengths() -%} {{ return([1.5, 2.0, 2.5, 3.0, 3.5, 4.5, 6.0]) }} {%- endmacro %}

{% macro spc_strength_column(strength) -%} strength_{{ strength | string | replace('.', '_') }}_rate {%- endmacro %}

{#- Columns of the simulated rates. -#}
{% macro spc_chance_columns() -%}
    {%- set columns = ['any_point_rate', 'any_point_se', 'end_rate', 'end_se'] -%}
    {%- for strength in spc_strengths() -%} {%- do columns.append(spc_strength_column(strength) | trim) -%} {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#-
    Chance of a signal at the end at least as strong as `strength`: the simulated rates, between two strengths
    on a line of logarithms. Beyond the strongest it falls on as over the last two steps, because limits that are
    estimated make far points likelier than the strength says, which is a chance under known limits; never faster.
-#}
{% macro spc_chance_of_strength(strength, strengths=none) -%}
    {%- set strengths = strengths or spc_strengths() -%}
    {%- set last, before = strengths[-1], strengths[-3] -%}
    {%- set at_last, at_before = spc_strength_column(last) | trim, spc_strength_column(before) | trim -%}
    least(1.0, case
        when {{ strength }} < {{ strengths[0] }} then greatest(end_rate, {{ spc_strength_column(strengths[0]) }})
        {%- for lower in strengths[:-1] %}
        {%- set upper = strengths[loop.index] %}
        {%- set at_lower, at_upper = spc_strength_column(lower) | trim, spc_strength_column(upper) | trim %}
        when {{ strength }} < {{ upper }}
            then {{ at_lower }} * power({{ at_upper }} / {{ at_lower }}, ({{ strength }} - {{ lower }}) / {{ upper - lower }})
        {%- endfor %}
        else
            {{ at_last }} * power(
                greatest({{ at_last }} / {{ at_before }}, power(10e0, {{ before - last }})),
                ({{ strength }} - {{ last }}) / {{ last - before }}
            )
    end)
{%- endmacro %}
