"""Which metrics are computed tonight, and from what: the Python models of dbt call this.

Belongs here: the inputs of each calculation, as SQL over published tables, and the rule that a calculation
runs again only when its inputs have changed. Does not belong here: a formula (the other modules of this
folder) and the catalogue of metrics (`dbt_project/seeds/metrics/metric.csv`).

A calculation is made for each organisation, and for all of them together, whose rows name no organisation.
What it reads is hashed in the database, by organisation; only where that hash differs from the one kept with
its results are rows fetched and packages imported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import duckdb
import pandas as pd
import pyarrow as pa

from pipelines.metrics.comparisons import cross_organisation, involvement
from pipelines.metrics.culture import (
    displaced,
    gains,
    levels,
    net_benefit,
    sickness_by_intensity,
    tenure,
    ties,
)
from pipelines.metrics.places import equity, peers, time_to_signal, variation, variation_between_units
from pipelines.metrics.rows import DECIMALS, shaped, to_arrow
from pipelines.metrics.series import Interruptions, has_enough_points, interrupted
from pipelines.metrics.shares import mean_fidelity, shares

TOGETHER = "*"
TOO_FEW, LOCAL = "below_minimum_n", "local_only"

MONTH = """
    (
        select
            as_of_date,
            cast(date_trunc('month', as_of_date) as date) as month_start,
            last_day(as_of_date) as month_end
        from in_clock
    ) as clock
"""

VARIATION = """
    select
        points.organisation_code,
        {unit} as unit_code,
        points.measure_id,
        cast(clock.month_start - interval 12 month as date) as period_start,
        cast(clock.month_start - interval 1 day as date) as period_end,
        sum(points.numerator) as numerator,
        sum(points.denominator) as denominator
    from in_points as points
    inner join in_measures as measures on points.measure_id = measures.measure_id
    cross join {month}
    where
        points.stratum = 'all'
        and points.unit_code {has_unit}
        and points.is_latest
        and not points.is_withdrawn
        and points.denominator > 0
        and points.numerator is not null
        and measures.is_latest
        and not measures.is_withdrawn
        and measures.purpose = 'assurance'
        and points.period_start >= clock.month_start - interval 12 month
        and points.period_start < clock.month_start
    group by all
    order by all
"""


@dataclass(frozen=True)
class Calculation:
    """A function of rows to results. `query`: SQL over `in_<table>`, whose rows name their organisation.

    `scope`: `together` when all organisations are needed at once, to compare them, and `each` when every one
    stands for itself; else it is made for each, and once for all, without their units, as if they were one.
    """

    name: str
    query: str
    compute: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
    scope: Literal["each", "together", "both"] = "both"


CALCULATIONS = (
    Calculation(
        "shares",
        """
        select * from in_counts
        union all by name
        select * from in_maturity_counts
        union all by name
        select * from in_unit_counts
        """,
        shares,
    ),
    Calculation(
        "levels",
        """
        select organisation_code, unit_code, assessed_on, component, item_code, assessor_group, level_rank
        from in_assessments
        order by all
        """,
        lambda rows, _: pd.concat([levels(rows), gains(rows)]),
    ),
    Calculation(
        "tenure",
        f"""
        select
            posts.organisation_code,
            coalesce(posts.post_level, 'not recorded') as post_level,
            cast(null as date) as period_start,
            clock.month_end as period_end,
            date_diff('day', posts.started_on, coalesce(posts.ended_on, clock.month_start)) as days,
            posts.ended_on is not null as has_ended
        from in_posts as posts
        cross join {MONTH}
        where posts.holding = 'substantive' and posts.started_on < coalesce(posts.ended_on, clock.month_start)
        order by all
        """,
        lambda rows, _: tenure(rows),
    ),
    Calculation(
        "ties",
        """
        select
            organisation_code,
            wave,
            min(surveyed_on) over (partition by wave) as period_start,
            max(surveyed_on) over (partition by wave) as period_end,
            organisation_code || '|' || unit_code as from_unit,
            to_organisation_code || '|' || to_unit_code as to_unit,
            tie,
            invited,
            answered
        from in_ties
        order by all
        """,
        lambda rows, _: ties(rows),
    ),
    Calculation(
        "net_benefit",
        """
        with lines as (
            select
                projects.organisation_code,
                benefits.stage,
                make_date(
                    year(benefits.period_start) - if(month(benefits.period_start) < 4, 1, 0), 4, 1
                ) as period_start,
                benefits.amount_low - coalesce(benefits.cost, 0) as low,
                benefits.amount_high - coalesce(benefits.cost, 0) as high,
                row_number() over (
                    partition by
                        projects.organisation_code,
                        benefits.stage,
                        benefits.period_start,
                        coalesce(benefits.measure_id, benefits.benefit_id)
                    order by benefits.stated_on desc, benefits.benefit_id
                ) as place
            from in_benefits as benefits
            inner join in_projects as projects on benefits.project_id = projects.project_id
            where benefits.amount_low is not null and benefits.amount_high is not null
        )

        select
            organisation_code,
            stage,
            period_start,
            cast(period_start + interval 1 year - interval 1 day as date) as period_end,
            low,
            high
        from lines
        where place = 1
        order by all
        """,
        lambda rows, _: net_benefit(rows),
    ),
    Calculation(
        "displaced",
        f"""
        select
            benefits.payer_organisation_code as organisation_code,
            benefits.project_id,
            benefits.stage,
            cast(null as date) as period_start,
            clock.month_end as period_end,
            abs(benefits.amount_low + benefits.amount_high) / 2 as amount,
            coalesce(benefits.receiver_organisation_code <> benefits.payer_organisation_code, false)
            or coalesce(benefits.receiver_sector, 'nhs') <> 'nhs' as is_displaced
        from in_benefits as benefits
        inner join in_projects as projects on benefits.project_id = projects.project_id
        cross join {MONTH}
        where
            benefits.payer_organisation_code is not null
            and (benefits.receiver_organisation_code is not null or benefits.receiver_sector is not null)
            and benefits.amount_low + benefits.amount_high <> 0
        order by all
        """,
        lambda rows, _: displaced(rows),
    ),
    Calculation(
        "sickness_by_intensity",
        f"""
        with staff as (
            select
                months.organisation_code,
                clock.month_start - interval 12 month as period_start,
                clock.month_start - interval 1 day as period_end,
                sum(months.sick_days) / sum(months.available_days) as sickness,
                sum(months.wte) / count(distinct months.month) as wte
            from in_staff as months
            cross join {MONTH}
            where
                months.unit_code is null
                and months.staff_group <> 'all'
                and months.month >= clock.month_start - interval 12 month
                and months.month < clock.month_start
            group by all
        )

        select
            staff.organisation_code,
            cast(staff.period_start as date) as period_start,
            cast(staff.period_end as date) as period_end,
            staff.sickness,
            1000 * count(projects.project_id) / staff.wte as projects_per_1000_wte
        from staff
        left join in_projects as projects
            on staff.organisation_code = projects.organisation_code and projects.is_active
        where staff.wte > 0
        group by staff.organisation_code, staff.period_start, staff.period_end, staff.sickness, staff.wte
        order by all
        """,
        lambda rows, _: sickness_by_intensity(rows),
        scope="together",
    ),
    Calculation(
        "involvement",
        """
        select
            projects.organisation_code,
            projects.organisation_type,
            projects.directorate,
            projects.involvement_at_landmark as involvement,
            cast(null as date) as period_start,
            projects.month_end as period_end,
            count(*) as projects,
            count(*) filter (where projects.is_met) as successes
        from in_projects as projects
        where is_due and is_open_at_landmark and involvement_at_landmark is not null
        group by all
        """,
        lambda rows, _: involvement(_layered(rows)),
    ),
    Calculation(
        "cross_organisation",
        """
        select
            organisation_code,
            organisation_type,
            directorate,
            is_cross_organisation,
            cast(null as date) as period_start,
            month_end as period_end,
            count(*) as projects,
            count(*) filter (where is_met) as successes
        from in_projects
        where is_due
        group by all
        """,
        lambda rows, _: cross_organisation(_layered(rows)),
    ),
    Calculation(
        "fidelity",
        f"""
        select
            projects.organisation_code,
            cycles.project_id,
            cycles.fidelity,
            clock.month_start as period_start,
            clock.month_end as period_end
        from in_cycles as cycles
        inner join in_projects as projects on cycles.project_id = projects.project_id
        cross join {MONTH}
        where
            cycles.started_on >= clock.as_of_date - interval 12 month
            and cycles.started_on <= clock.as_of_date - interval 60 day
        order by all
        """,
        lambda rows, _: mean_fidelity(rows),
    ),
    Calculation(
        "cycles",
        f"""
        select
            'O24' as metric_id,
            projects.organisation_code,
            projects.unit_code,
            cast(null as varchar) as measure_id,
            cast(clock.month_start - interval 11 month as date) as period_start,
            clock.month_end as period_end,
            'all' as stratum,
            cast(sum(months.pdsa_cycles_started) as double) as numerator,
            cast(count(*) as double) as denominator
        from in_project_months as months
        inner join in_projects as projects on months.project_id = projects.project_id
        cross join {MONTH}
        where
            months.is_open
            and months.month_start >= clock.month_start - interval 11 month
            and months.month_start <= clock.month_end
        group by
            grouping sets (
                (projects.organisation_code, clock.month_start, clock.month_end),
                (projects.organisation_code, projects.unit_code, clock.month_start, clock.month_end)
            )
        having grouping(projects.unit_code) = 1 or projects.unit_code is not null
        order by all
        """,
        shares,
    ),
    Calculation(
        "time_to_signal",
        f"""
        select
            signals.organisation_code,
            signals.project_id,
            coalesce(any_value(signals.method), 'not recorded') as method,
            cast(null as date) as period_start,
            clock.month_end as period_end,
            min(signals.signalled_on) is not null as has_signal,
            greatest(
                date_diff(
                    'day',
                    min(signals.chartered_on),
                    coalesce(min(signals.signalled_on), max(signals.observed_until))
                ),
                0
            ) as days
        from in_signals as signals
        cross join {MONTH}
        where signals.family = 'outcome' and signals.chartered_on is not null
        group by signals.organisation_code, signals.project_id, clock.month_end
        order by all
        """,
        lambda rows, _: time_to_signal(rows),
    ),
    Calculation(
        "equity",
        f"""
        with years as (
            select
                points.organisation_code,
                points.measure_id,
                points.stratum,
                make_date(
                    year(points.period_start) - if(month(points.period_start) < 4, 1, 0), 4, 1
                ) as period_start,
                points.numerator,
                points.denominator
            from in_points as points
            inner join in_measures as measures on points.measure_id = measures.measure_id
            where
                points.stratum like 'quintile_%'
                and points.unit_code is null
                and points.is_latest
                and not points.is_withdrawn
                and points.numerator <= points.denominator
                and measures.is_latest
                and not measures.is_withdrawn
        )

        select
            years.organisation_code,
            years.measure_id,
            years.period_start,
            cast(years.period_start + interval 1 year - interval 1 day as date) as period_end,
            years.period_start + interval 1 year <= clock.month_start as is_complete,
            years.stratum,
            sum(years.numerator) as numerator,
            sum(years.denominator) as denominator
        from years
        cross join {MONTH}
        group by all
        order by all
        """,
        lambda rows, _: equity(rows.dropna(subset="organisation_code")),
    ),
    Calculation(
        "variation",
        VARIATION.format(unit="cast(null as varchar)", has_unit="is null", month=MONTH),
        lambda rows, _: variation(rows),
        scope="together",
    ),
    Calculation(
        "variation_between_units",
        VARIATION.format(unit="points.unit_code", has_unit="is not null", month=MONTH),
        lambda rows, _: variation_between_units(rows),
        scope="each",
    ),
)


def _layered(rows: pd.DataFrame) -> pd.DataFrame:
    """What is held equal: the type of organisation between organisations, the directorate within one."""
    is_all = rows["organisation_code"].isna()
    return rows.assign(layer=rows["directorate"].mask(is_all, rows["organisation_type"]))


def results(session: duckdb.DuckDBPyConnection, relations: Mapping[str, Any], kept: str | None) -> pa.Table:
    """Results of every calculation whose inputs differ from those of `kept`, a table of earlier results.

    `relations`: table name -> DuckDB relation. Every calculation that ran, or has nothing to read any more,
    has a row without a metric that carries its fingerprint; columns of `RESULTS`.
    """
    for name, relation in relations.items():
        session.register(f"in_{name}", relation)
    catalogue = session.execute("select * from in_metric").df()
    before = _kept_fingerprints(session, kept)
    own = _own_organisation(session)
    now: dict[str, str] = {}
    parts: list[pd.DataFrame] = []
    for calculation in CALCULATIONS:
        prints = _fingerprints(session, calculation, own)
        now |= prints
        changed = {name for name, fingerprint in prints.items() if before.get(name) != fingerprint}
        if changed:
            parts += _computed(session, calculation, catalogue, changed)
    gone = before.keys() - now.keys() - {_name("peers", TOGETHER)}
    if parts or gone or not before:
        parts = [_as_the_catalogue_allows(part, catalogue, own) for part in parts]
        parts.append(_peers(session, catalogue, parts, gone, kept))
        now[_name("peers", TOGETHER)] = "with the others"
    made = pd.concat(parts, ignore_index=True) if parts else shaped(pd.DataFrame())
    markers = sorted(
        {*made["calculation_id"], *(name for name in now if before.get(name) != now[name]), *gone}
    )
    made = pd.concat([made, shaped(pd.DataFrame({"calculation_id": markers}))], ignore_index=True)
    return to_arrow(made.assign(fingerprint=made["calculation_id"].map(now)))


def _name(calculation: str, organisation_code: str) -> str:
    return f"{calculation}|{organisation_code}"


def _kept_fingerprints(session: duckdb.DuckDBPyConnection, kept: str | None) -> dict[str, str]:
    if kept is None:
        return {}
    found = session.execute(
        f"select distinct calculation_id, fingerprint from {kept} where fingerprint is not null"
    ).fetchall()
    return dict(found)


def _own_organisation(session: duckdb.DuckDBPyConnection) -> str:
    """Code of the organisation whose mart this is; empty when none is named."""
    row = session.execute("select any_value(own_organisation_code) from in_clock").fetchone()
    return row[0] if row and row[0] else ""


def _fingerprints(session: duckdb.DuckDBPyConnection, calculation: Calculation, own: str) -> dict[str, str]:
    """Name of a calculation for an organisation -> hash of what it reads, whatever the order of its rows."""
    session.execute(f"create or replace temp table input_{calculation.name} as {calculation.query}")
    found = session.execute(
        "select organisation_code, concat_ws(' ', count(*), sum(hash(counted)::hugeint), ?::varchar) "
        f"from input_{calculation.name} as counted group by grouping sets ((organisation_code), ()) "
        "order by organisation_code nulls last",
        [own],
    ).fetchall()
    each = {_name(calculation.name, code): fingerprint for code, fingerprint in found if code and fingerprint}
    whole = {
        _name(calculation.name, TOGETHER): fingerprint
        for code, fingerprint in found
        if not code and fingerprint
    }
    return {"each": each, "together": whole, "both": each | whole}[calculation.scope]


def _computed(
    session: duckdb.DuckDBPyConnection, calculation: Calculation, catalogue: pd.DataFrame, changed: set[str]
) -> list[pd.DataFrame]:
    rows = session.execute(f"select * from input_{calculation.name}").df()
    if calculation.scope == "together":
        made = calculation.compute(rows, catalogue)
        return [made.assign(calculation_id=_name(calculation.name, TOGETHER))]
    parts = []
    ours = rows[[_name(calculation.name, code) in changed for code in rows["organisation_code"]]]
    if len(ours):
        made = calculation.compute(ours, catalogue)
        names = [_name(calculation.name, code) for code in made["organisation_code"]]
        parts.append(made.assign(calculation_id=names))
    if _name(calculation.name, TOGETHER) in changed:
        whole = rows[rows["unit_code"].isna()] if "unit_code" in rows else rows
        made = calculation.compute(whole.assign(organisation_code=None), catalogue)
        parts.append(made.assign(calculation_id=_name(calculation.name, TOGETHER)))
    return [part for part in parts if len(part)]


def _as_the_catalogue_allows(made: pd.DataFrame, catalogue: pd.DataFrame, own: str) -> pd.DataFrame:
    """Withhold what rests on too few, and what is local of every organisation but our `own`. What is local,
    or counts people, is left out for all organisations together: subtraction would give away what is
    withheld."""
    facts = made[["metric_id"]].merge(catalogue, on="metric_id", how="left").set_index(made.index)
    is_guarded = (facts["access"] == "local") | facts["counts_people"].astype(bool)
    is_guarded_total = is_guarded & made["organisation_code"].isna()
    few = made["n"].astype(float) < facts["minimum_n"]
    made = made.assign(
        suppression_reason=made["suppression_reason"].where(
            made["suppression_reason"].notna() | ~few, TOO_FEW
        )
    )
    others = (facts["access"] == "local") & (made["organisation_code"] != own)
    made["suppression_reason"] = made["suppression_reason"].mask(others, LOCAL)
    withheld = made["suppression_reason"].notna()
    for name in ("numerator", "denominator"):
        made[name] = pd.to_numeric(made[name]).mask(withheld & (made["suppression_reason"] != TOO_FEW))
    for name in ("value", "lower", "upper", "p_value", "homogeneity_p_value"):
        made[name] = pd.to_numeric(made[name]).where(~withheld)
    return made[~is_guarded_total]


def _peers(
    session: duckdb.DuckDBPyConnection,
    catalogue: pd.DataFrame,
    parts: list[pd.DataFrame],
    gone: set[str],
    kept: str | None,
) -> pd.DataFrame:
    """Places among peers, from tonight's results and those kept of calculations that did not run."""
    ran = {name for part in parts for name in part["calculation_id"]} | gone
    standing = (
        session.execute(
            f"select * from {kept} where metric_id is not null and metric_id <> 'O23' and unit_code is null"
        ).df()
        if kept is not None
        else shaped(pd.DataFrame())
    )
    standing = standing[~standing["calculation_id"].isin(ran)]
    whole = (part[part["unit_code"].isna()] for part in parts)
    made = peers(pd.concat([standing, *whole], ignore_index=True), catalogue)
    return made.assign(calculation_id=_name("peers", TOGETHER))


WHOLE_NUMBERS = ("points_before", "points_after", "effect_after", "lags")
SERIES = pa.schema(
    [
        ("project_id", pa.string()),
        ("fingerprint", pa.string()),
        ("series_id", pa.string()),
        ("measure_id", pa.string()),
        ("organisation_code", pa.string()),
        ("changed_on", pa.date32()),
        *(
            (field.name, pa.int64() if field.name in WHOLE_NUMBERS else pa.float64())
            for field in fields(Interruptions)
            if field.name != "assumptions_failed"
        ),
        ("assumptions_failed", pa.string()),
    ]
)


def interrupted_series(session: duckdb.DuckDBPyConnection, points: Any, kept: str | None) -> pa.Table:
    """Interrupted time series of the primary outcomes of projects whose points changed since `kept`.

    `points`: relation of project_id, series_id, measure_id, organisation_code, begun_on, place, value,
    is_after. A project with too few points on a side, or none any more, has a row with its fingerprint only.
    """
    session.register("in_primary", points)
    session.execute(
        "create or replace temp table primary_points as select project_id, series_id, measure_id, "
        "organisation_code, begun_on, place, value, is_after from in_primary"
    )
    session.execute(
        """
        create or replace temp table primary_series as
        select
            project_id,
            count(*)::varchar || ' ' || sum(
                hash(series_id, measure_id, organisation_code, begun_on, place, value, is_after)::hugeint
            )::varchar as fingerprint,
            any_value(series_id) as series_id,
            any_value(measure_id) as measure_id,
            any_value(organisation_code) as organisation_code,
            any_value(begun_on) as changed_on,
            count(*) as points,
            count(*) filter (not is_after) as before
        from primary_points
        group by project_id
        """
    )
    if kept is None:
        changed = session.execute("from primary_series order by project_id").to_arrow_table()
        gone = pa.table({"project_id": pa.array([], pa.string())})
    else:
        changed = session.execute(
            f"""
            from primary_series
            anti join (select project_id, fingerprint from {kept}) as kept using (project_id, fingerprint)
            order by project_id
            """
        ).to_arrow_table()
        gone = session.execute(
            f"""
            select project_id from (from {kept} where fingerprint is not null) as kept
            anti join primary_series using (project_id)
            order by project_id
            """
        ).to_arrow_table()
    session.register("changed_series", changed)
    is_enough = has_enough_points(changed["points"].to_numpy(), changed["before"].to_numpy())
    told = changed.filter(pa.array(is_enough))
    session.register("told_series", told)
    values = session.execute(
        "select value from primary_points semi join told_series using (project_id) order by project_id, place"
    ).to_arrow_table()
    found = interrupted(values["value"].to_numpy(), told["points"].to_numpy(), told["before"].to_numpy())
    columns = {field.name: getattr(found, field.name) for field in fields(Interruptions)}
    rows = told.select([name for name in SERIES.names if name in told.column_names])
    for name, column in columns.items():
        is_float = SERIES.field(name).type == pa.float64()
        rows = rows.append_column(name, pa.array(column.round(DECIMALS) if is_float else column))
    others = changed.filter(pa.array(~is_enough)).select(["project_id", "fingerprint"])
    made = pa.concat_tables([rows.select(SERIES.names), others, gone], promote_options="permissive")
    return made.cast(SERIES)
