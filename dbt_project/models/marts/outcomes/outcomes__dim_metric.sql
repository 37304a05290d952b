{{ config(alias='dim_metric') }}
{{ metric_catalogue('outcomes') }}
