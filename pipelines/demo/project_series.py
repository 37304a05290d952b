"""The points of projects' measures, and what is noted on their charts."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from pipelines.demo.chance import chance, stream
from pipelines.demo.cycles import Cycle
from pipelines.demo.levels import project_level, quintile_gap
from pipelines.demo.measures import Measure
from pipelines.demo.projects import Project
from pipelines.demo.readings import Readings, draw, draw_quintiles, event_days
from pipelines.demo.series import STRATA, Series
from pipelines.demo.timeline import DAY, Periods, day_number, every_day, periods

ENTRY_DAYS = 5
"""From the end of a period to the entry of its point, once a project is under way."""

FIRST_ENTRY_DAYS = 20
"""From the charter to the entry of the baseline."""

GAP_SHARE = 0.025
OUTLIER_SHARE = 0.05


@dataclass(frozen=True)
class MeasureEvent:
    """A note, a new phase, the end of a baseline or a point left out. `known_on`: when it was recorded."""

    measure_id: str
    organisation_code: str
    unit_code: str | None
    stratum: str
    period_start: date
    event: str
    reason: str
    recorded_by_role: str
    known_on: date


def project_series(seed: int, measure: Measure, project: Project) -> list[Series]:
    """Every series of one measure: `all`, and the deprivation quintiles where they are kept."""
    rng = stream(seed, "points", measure.measure_id)
    if measure.spec.kind == "days_between":
        return [_rare_events(rng, measure, project)]
    span = periods(measure.spec.frequency, measure.starts_on, measure.last_day)
    span = span[rng.random(len(span)) >= GAP_SHARE]
    middle = day_number(span.start) + 3
    level = project_level(measure, project, middle)
    outlier = _outlier(rng, level)
    is_ratio = measure.spec.kind in ("proportion", "rate")
    if project.is_stratified and measure.family == "outcome" and is_ratio:
        groups = draw_quintiles(rng, measure.spec, level, measure.spec.size, quintile_gap(project, middle))
    else:
        groups = [draw(rng, measure.spec, level, measure.spec.size)]
    return [
        _series(measure, project, stratum, span, readings, outlier)
        for stratum, readings in zip(STRATA, groups, strict=False)
    ]


def _series(
    measure: Measure, project: Project, stratum: str, span: Periods, readings: Readings, outlier: int | None
) -> Series:
    entered = np.datetime64(project.course.chartered_on + timedelta(days=FIRST_ENTRY_DAYS), "D")
    return Series(
        source="projects",
        measure_id=measure.measure_id,
        organisation_code=project.organisation_code,
        unit_code=project.unit.code,
        stratum=stratum,
        periods=span,
        readings=readings,
        available_on=np.maximum(span.end + ENTRY_DAYS * DAY, entered),
        outlier=outlier,
    )


def _rare_events(rng: np.random.Generator, measure: Measure, project: Project) -> Series:
    days = every_day(measure.starts_on, measure.last_day)
    level = project_level(measure, project, day_number(days))
    happened = event_days(rng, level, int(day_number(measure.starts_on))).astype("datetime64[D]")
    gaps = np.diff(happened).astype(float)
    span = Periods(happened[1:], happened[1:])
    return _series(measure, project, "all", span, Readings(value=gaps), None)


def _outlier(rng: np.random.Generator, level: np.ndarray) -> int | None:
    """Sometimes one period goes wrong; its level is changed in place."""
    if len(level) < 12 or not chance(rng, OUTLIER_SHARE):
        return None
    place = int(rng.integers(4, len(level) - 2))
    level[place] *= 0.55
    return place


def project_events(
    seed: int, project: Project, series: list[Series], cycles: list[Cycle]
) -> list[MeasureEvent]:
    """What is noted on the charts of one project's measures; always for a point that exists."""
    events = []
    for one in series:
        if one.stratum == "all" and len(one) >= 8:
            rng = stream(seed, "events", one.measure_id)
            events += _annotations(rng, one, cycles)
            events += _phases(rng, one, project)
            events += _exclusion(one)
    return events


def _annotations(rng: np.random.Generator, one: Series, cycles: list[Cycle]) -> list[MeasureEvent]:
    noted = [cycle for cycle in cycles if cycle.decision == "adopt" and chance(rng, 0.3)]
    found = (
        _event(
            one,
            "annotate",
            cycle.started_on,
            f"Change adopted. {cycle.change_idea}.",
            "project lead",
            cycle.completed_on,
        )
        for cycle in noted
    )
    by_period = {event.period_start: event for event in found if event}
    return list(by_period.values())


def _phases(rng: np.random.Generator, one: Series, project: Project) -> list[MeasureEvent]:
    """A frozen baseline and, where the change worked, a new phase once it has held for some time."""
    events, started_on = [], project.course.started_on
    if chance(rng, 0.2):
        last_before = started_on - timedelta(days=35)
        note = "Baseline: all points before the first change."
        events.append(_event(one, "freeze", last_before, note, "analyst", started_on + timedelta(days=30)))
    works_on = project.result.effect_on if project.result.outcome == "met" else None
    if works_on and one.measure_id.endswith("O1") and chance(rng, 0.45):
        note = "New phase: the level after the adopted change has held for eight points."
        known_on = works_on + timedelta(days=90 if _is_weekly(one) else 280)
        events.append(
            _event(one, "rebase", works_on + timedelta(days=20), note, "improvement coach", known_on)
        )
    return [event for event in events if event]


def _exclusion(one: Series) -> list[MeasureEvent]:
    if one.outlier is None:
        return []
    day = one.periods.start[one.outlier].item()
    note = "Records incomplete: the system was down for part of the period."
    event = _event(one, "exclude", day, note, "analyst", day + timedelta(days=60))
    return [event] if event else []


def _event(one: Series, event: str, day: date, reason: str, role: str, known_on: date) -> MeasureEvent | None:
    """The event at the point whose period holds `day`, or the next one; null after the last point."""
    place = int(np.searchsorted(one.periods.end, np.datetime64(day, "D")))
    if place >= len(one):
        return None
    start = one.periods.start[place].item()
    known_on = max(known_on, one.available_on[place].item())
    return MeasureEvent(
        one.measure_id,
        one.organisation_code,
        one.unit_code,
        one.stratum,
        start,
        event,
        reason,
        role,
        known_on,
    )


def _is_weekly(one: Series) -> bool:
    return bool(len(one) and one.periods.end[0] - one.periods.start[0] == 6 * DAY)


def backdated(series: list[Series], number: int, first: date, last: date) -> list[Series]:
    """The same series, in which points of periods from `first` to `last` come no earlier than a delivery."""
    late = []
    for one in series:
        chosen = (one.periods.start >= np.datetime64(first, "D")) & (
            one.periods.end <= np.datetime64(last, "D")
        )
        late += [one.kept(~chosen), replace(one.kept(chosen), first_delivery=number)]
    return [one for one in late if len(one)]
