{{ config(alias='fct_metric') }}
{{ metric_results('maturity') }}
