"""A first look at the mart: what to trust, what the charts say, one series in full, questions of your own.

marimo edit docs/notebooks/start.py -- --mart qi_home/mart/qi_mart.duckdb
"""

import marimo

app = marimo.App(width="medium", app_title="The QI mart: a start")


@app.cell
def _():
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    path = Path(str(mo.cli_args().get("mart") or "qi_home/mart/qi_mart.duckdb"))
    mo.stop(
        not path.is_file(),
        mo.md(f"There is no mart at `{path}`. Run `qi run`, or name one: `-- --mart FOLDER/qi_mart.duckdb`."),
    )
    # Read-only: the night can publish while you work, and you keep the release that you opened.
    mart = duckdb.connect(str(path), read_only=True)
    return alt, mart, mo


@app.cell
def _(mart, mo):
    (_release,) = mart.sql("from ops.release order by release_id desc limit 1").pl().rows(named=True)
    _invented = " **All or part of it is synthetic.**" if _release["contains_synthetic"] else ""
    mo.md(
        f"""
        # The mart of {_release["as_of_date"].day} {_release["as_of_date"]:%B %Y}

        Release {_release["release_id"]}: {_release["rows_received"]:,} lines received,
        {_release["rows_accepted"]:,} accepted, {_release["rows_quarantined"]:,} put into quarantine,
        {_release["rows_refused"]:,} refused.{_invented}

        Each table and column is described in `docs/data_dictionary.md`; `docs/cookbook.md` has 25 questions
        with their answers. Change any cell: nothing here can change the mart.
        """
    )
    return


@app.cell
def _(mo):
    mo.md("""
    ## What not to trust

    Before a number is passed on: is its organisation up to date? Periods are *late* when they are overdue
    and have not come. A late number is missing, not zero.
    """)
    return


@app.cell
def _(alt, mart):
    late = mart.sql("""
        select organisation_code as organisation, count(*) as late_periods, min(period_start) as since
        from core.fct_expected_point
        where status in ('missing', 'source_late')
        group by organisation_code
        order by late_periods desc
    """).pl()
    alt.Chart(late, title="Periods that are late, by organisation", width=500).mark_bar(
        color="#4c6272"
    ).encode(
        x=alt.X("late_periods", title="periods"),
        y=alt.Y("organisation", sort="-x", title=None),
        tooltip=["organisation", "late_periods", "since"],
    )
    return


@app.cell
def _(mart):
    # Rules that failed in the files of which numbers are published now: the newest first.
    faults = mart.sql("""
        select loads.file_name, results.code, results.action, results.rows_failed, results.message,
            results.remedy
        from ops.fct_gate_result as results
        inner join ops.fct_load as loads on results.load_id = loads.load_id
        where not results.is_passed and not loads.is_taken_back
        order by results.load_id desc, results.rows_failed desc
    """).pl()
    faults
    return


@app.cell
def _(mo):
    mo.md("""
    ## What the charts say tonight

    Only measures for assurance: those kept for improvement are a team's own and not for comparing. In the
    table, `by_chance` is how many of all the charts of an organisation would signal if nothing had changed.
    """)
    return


@app.cell
def _(alt, mart):
    says = mart.sql("""
        select status.organisation_code as organisation,
            case split_part(status.variation_icon, '_', 1) when 'common' then 'common cause'
                else split_part(status.variation_icon, '_', 1) end as says,
            count(*) as charts
        from spc.fct_spc_status as status
        inner join core.dim_measure as measure on status.measure_id = measure.measure_id and measure.is_latest
        where status.is_chosen and not status.is_stale and status.variation_icon <> 'none'
            and measure.purpose = 'assurance'
        group by all
    """).pl()
    alt.Chart(says, title="Charts by what their last point says", width=500).mark_bar().encode(
        x=alt.X("charts", title="charts"),
        y=alt.Y("organisation", title=None),
        color=alt.Color(
            "says",
            title=None,
            scale=alt.Scale(
                domain=["improvement", "concern", "neutral", "common cause"],
                range=["#005eb8", "#ed8b00", "#330072", "#d8dde0"],
            ),
        ),
        tooltip=["organisation", "says", "charts"],
    )
    return


@app.cell
def _(mart):
    chance = mart.sql("""
        select organisation_code, rule_set_id, series, flagged, round(expected_by_chance, 1) as by_chance
        from spc.fct_false_alarm
        where level_name = 'organisation' and points_band = 'all' and signal_scope = 'last point'
        order by organisation_code, rule_set_id
    """).pl()
    chance
    return


@app.cell
def _(mo):
    mo.md("""
    ## One series in full
    """)
    return


@app.cell
def _(mart, mo):
    # Concerns first, then improvements, the strongest signal of each first.
    _series = mart.sql("""
        select status.series_id, status.organisation_code || ' ' || coalesce(status.unit_code || ' ', '')
            || measure.measure_name
            || case status.stratum when 'all' then '' else ' (' || status.stratum || ')' end
            || ': ' || replace(status.variation_icon, '_', ' ') as label
        from spc.fct_spc_status as status
        inner join core.dim_measure as measure on status.measure_id = measure.measure_id and measure.is_latest
        left join spc.fct_signal_rank as ranks
            on status.series_id = ranks.series_id and status.rule_set_id = ranks.rule_set_id
        where status.is_chosen and not status.is_stale
        order by status.variation_icon not like 'concern%', status.variation_icon not like 'improvement%',
            ranks.signal_rank nulls last, label
    """).fetchall()
    _options = {label: series_id for series_id, label in _series}
    chosen = mo.ui.dropdown(_options, value=next(iter(_options), None), label="Series", searchable=True)
    chosen
    return (chosen,)


@app.cell
def _(chosen, mart):
    points = mart.execute(
        """
        select period_start, value, centre_line, lower_limit, upper_limit, target, signal, phase, is_excluded,
            replace(point_type, '_', ' ') as says
        from spc.fct_spc_point
        where is_chosen and series_id = ?
        order by period_start
        """,
        [chosen.value],
    ).pl()
    return (points,)


@app.cell
def _(alt, chosen, mart, points):
    _unit = mart.execute(
        "select any_value(unit_of_measure) from core.dim_measure as measure "
        "inner join spc.fct_spc_status as status on measure.measure_id = status.measure_id "
        "where measure.is_latest and status.series_id = ?",
        [chosen.value],
    ).fetchone()
    _base = alt.Chart(points).encode(x=alt.X("period_start:T", title=None))
    _y = {"scale": alt.Scale(zero=False), "title": _unit[0] if _unit else None}
    _limits = _base.mark_area(color="#d8dde0", opacity=0.5).encode(
        y=alt.Y("lower_limit:Q", **_y), y2="upper_limit:Q", detail="phase:N"
    )
    _centre = _base.mark_line(color="#4c6272").encode(y=alt.Y("centre_line:Q", **_y), detail="phase:N")
    _target = _base.mark_line(color="#d5281b", strokeDash=[6, 4], interpolate="step-after").encode(
        y=alt.Y("target:Q", **_y)
    )
    _line = _base.mark_line(color="#212b32", strokeWidth=1).encode(y=alt.Y("value:Q", **_y))
    _points = _base.mark_point(size=45, filled=True, opacity=1).encode(
        y=alt.Y("value:Q", **_y),
        color=alt.Color(
            "says:N",
            title=None,
            scale=alt.Scale(
                domain=["improvement", "concern", "neutral high", "neutral low", "common cause"],
                range=["#005eb8", "#ed8b00", "#330072", "#330072", "#768692"],
            ),
        ),
        tooltip=["period_start:T", "value:Q", "says:N", "signal:N", "target:Q"],
    )
    (_limits + _centre + _target + _line + _points).properties(
        title=chosen.selected_key or "", width=640, height=300
    )
    return


@app.cell
def _(chosen, mart):
    # Where its last numbers come from: edition, file and line, and what they were before they were revised.
    sources = mart.execute(
        """
        select points.period_start, round(points.value, 3) as value,
            round(points.previous_value, 3) as value_before_revision, points.edition, loads.file_name,
            points.source_row as line, cast(points.received_at as date) as received_on
        from core.fct_measure_point as points
        inner join ops.fct_load as loads on points.load_id = loads.load_id
        where points.is_latest and points.series_id = ?
        order by points.period_start desc
        """,
        [chosen.value],
    ).pl()
    sources
    return


@app.cell
def _(mo):
    mo.md("""
    ## Do projects meet their aim?

    By financial year of the charter, with 95% intervals, on both denominators: of all projects that are due,
    and of those that were closed with an outcome. The gap between the two is what failed quietly.
    """)
    return


@app.cell
def _(alt, mart):
    aims = mart.sql("""
        select year(period_start) as from_april, value, lower, upper, denominator as projects,
            case metric_id when 'O01' then 'of projects due' else 'of projects closed' end as share
        from outcomes.fct_metric
        where metric_id in ('O01', 'O02') and organisation_code is null and not is_suppressed
        order by metric_id, period_start
    """).pl()
    _base = alt.Chart(aims, width=500).encode(
        x=alt.X("from_april:O", title="charter in the year from April"), xOffset="share:N", color="share:N"
    )
    _base.mark_rule().encode(
        y=alt.Y("lower:Q", title="met their aim", axis=alt.Axis(format="%")), y2="upper:Q"
    ) + (
        _base.mark_point(filled=True, size=60).encode(
            y="value:Q", tooltip=["share", "value", "lower", "upper", "projects"]
        )
    )
    return


@app.cell
def _(mo):
    mo.md("""
    ## Your own question

    Any SQL; the mart cannot be changed. Questions to begin with are the files of `dbt_project/analyses/`.
    """)
    return


@app.cell
def _(mo):
    question = mo.ui.code_editor(
        """-- Active projects in which nothing has happened for 60 days, the longest silence first.
select organisation_code, directorate, title, last_activity_on, days_since_activity
from core.fct_project
where is_active and days_since_activity >= 60
order by days_since_activity desc
""",
        language="sql",
    )
    question
    return (question,)


@app.cell
def _(mart, question):
    answer = mart.sql(question.value).pl()
    answer
    return


if __name__ == "__main__":
    app.run()
