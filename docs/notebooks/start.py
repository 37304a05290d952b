"""A first look at the mart: choose a series, see its chart and what it says.

marimo edit docs/notebooks/start.py -- --mart qi_home/mart/qi_mart.duckdb
"""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import duckdb
    import marimo as mo

    path = mo.cli_args().get("mart") or "qi_home/mart/qi_mart.duckdb"
    mart = duckdb.connect(str(path), read_only=True)
    return mart, mo


@app.cell
def _(mart, mo):
    release = mart.sql("select release_id, as_of_date from ops.release order by release_id desc").fetchone()
    mo.md(f"# The mart of {release[1]:%d %B %Y}, release {release[0]}")
    return


@app.cell
def _(mart):
    # What every chart says tonight; concerns first.
    charts = mart.sql("""
        select status.organisation_code, measure.measure_name, status.unit_code, status.stratum,
            status.variation_icon, status.assurance_icon, status.last_period_start, status.last_value,
            status.centre_line, status.series_id
        from spc.fct_spc_status as status
        inner join core.dim_measure as measure
            on status.measure_id = measure.measure_id and measure.is_latest
        where status.is_chosen and not status.is_stale
        order by status.variation_icon not like 'concern%', status.variation_icon like 'common%', 1, 2, 3, 4
    """).df()
    charts
    return (charts,)


@app.cell
def _(charts, mo):
    chosen = mo.ui.dropdown(
        options={
            f"{row.organisation_code} {row.unit_code or ''} {row.measure_name} ({row.stratum})": row.series_id
            for row in charts.head(500).itertuples()
        },
        label="Series",
    )
    chosen
    return (chosen,)


@app.cell
def _(charts, chosen, mart):
    # The points of the series with limits and signals: a data frame for your own chart.
    points = mart.execute(
        "select period_start, value, centre_line, lower_limit, upper_limit, target, signal, point_type "
        "from spc.fct_spc_point where is_chosen and series_id = ? order by period_start",
        [chosen.value or charts.series_id.iloc[0]],
    ).df()
    points
    return (points,)


if __name__ == "__main__":
    app.run()
