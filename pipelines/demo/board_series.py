"""The points of the organisations' own measures, for whole organisations and for their units."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from pipelines.demo.board_measures import (
    BOARD_MEASURES,
    ORGANISATION_SIZE,
    REDEFINED_MEASURE_ID,
    REDEFINED_RATIO,
    STORIES,
    BoardMeasure,
    Story,
)
from pipelines.demo.chance import pick, stream
from pipelines.demo.culture_parameters import EQUITY_GAP_LEFT, NARROWING_MEASURE_ID
from pipelines.demo.levels import story_level
from pipelines.demo.local_levels import shifted
from pipelines.demo.organisation import LATE_CODE, MERGED_CODE, Unit, merged_on
from pipelines.demo.parameters import WARD_STORY_SHARE
from pipelines.demo.project_series import MeasureEvent
from pipelines.demo.readings import Readings, draw, draw_quintiles, event_days, provisional, total
from pipelines.demo.series import STRATA, Series
from pipelines.demo.timeline import DAY, Periods, Timeline, day_number, every_day, periods

REVISED_AFTER_DAYS = 31
UNIT_GAP_SHARE = 0.01
LATE_MEASURES = ("ORG-COMPLAINTS", "ORG-SICKNESS")
LATE_MONTHS = 6
"""What the organisation that arrives late delivers: so many months of these measures."""

REBASE_AFTER_DAYS = 240
ROLE = "performance analyst"


def board_series(seed: int, timeline: Timeline, units: list[Unit]) -> list[Series]:
    """Every series of the organisations' own measures over the whole history."""
    made = []
    for kept in BOARD_MEASURES:
        for code in kept.kept_by:
            places = [u for u in units if u.organisation.code == code and u.type in kept.places]
            for unit in places if kept.places else [None]:
                made += _series_of(seed, timeline, kept, code, unit)
    return made


def late_series(seed: int, timeline: Timeline, number: int) -> list[Series]:
    """The last months of the organisation that no register knows yet, in the delivery with this number."""
    made = []
    for kept in BOARD_MEASURES:
        if kept.measure_id in LATE_MEASURES:
            for one in _series_of(seed, timeline, replace(kept, is_revised=False), LATE_CODE, None):
                seen = one.available_on <= np.datetime64(timeline.deliveries[number], "D")
                last = np.flatnonzero(seen)[-LATE_MONTHS:]
                made.append(replace(one.kept(last), first_delivery=number))
    return made


def _series_of(
    seed: int, timeline: Timeline, kept: BoardMeasure, code: str, unit: Unit | None
) -> list[Series]:
    rng = stream(seed, "points", kept.measure_id, unit.code if unit else code)
    last_day = merged_on(timeline) if code == MERGED_CODE else timeline.end
    if kept.spec.kind == "days_between":
        return [_rare_events(rng, timeline, kept, code)]
    whole = periods(kept.spec.frequency, timeline.start, timeline.end)
    level, size = _level(rng, timeline, kept, code, unit, whole)
    if kept.has_quintiles:
        left = EQUITY_GAP_LEFT if kept.measure_id == NARROWING_MEASURE_ID else 1.0
        groups = draw_quintiles(rng, kept.spec, level, size, np.linspace(1.0, left, len(whole)))
    else:
        groups = [draw(rng, kept.spec, level, size)]
    chosen = whole.end <= np.datetime64(last_day, "D")
    if unit:
        chosen &= rng.random(len(whole)) >= UNIT_GAP_SHARE
    editions = _editions(rng, kept, groups)
    return [
        _one(kept, code, unit, stratum, whole[chosen], readings[chosen], edition)
        for edition, strata in editions
        for stratum, readings in zip(STRATA, strata, strict=False)
    ]


def _level(
    rng: np.random.Generator,
    timeline: Timeline,
    kept: BoardMeasure,
    code: str,
    unit: Unit | None,
    whole: Periods,
) -> tuple[np.ndarray, float]:
    """True level of each period, and the mean denominator."""
    spec, share = kept.spec, ORGANISATION_SIZE[code]
    days = day_number(whole.start) + 3
    stories = STORIES.get((kept.measure_id, code), ()) if unit is None else _unit_story(rng, kept)
    if unit:
        base, size = _local(rng, spec.base, spec.kind), spec.size * float(rng.lognormal(0.0, 0.3))
        return story_level(rng, spec, base, stories, days), size
    base = spec.base * share if spec.kind == "count" else _local(rng, spec.base, spec.kind, bool(stories))
    level = story_level(rng, spec, base, stories, days)
    if kept.measure_id == REDEFINED_MEASURE_ID:
        begins = np.datetime64(timeline.deliveries[2].replace(day=1), "D")
        level = np.where(whole.start >= begins, level * REDEFINED_RATIO, level)
    return level, spec.size * share


def _local(rng: np.random.Generator, base: float, kind: str, is_told: bool = False) -> float:
    """The usual level of one place; where a story is told, that of the catalogue."""
    shift = 0.0 if is_told else float(rng.normal(0.0, 0.10))
    if kind == "proportion":
        return shifted(base, shift)
    return base * float(np.exp(shift))


def _unit_story(rng: np.random.Generator, kept: BoardMeasure) -> tuple[Story, ...]:
    spec, kind = kept.spec, pick(rng, WARD_STORY_SHARE)
    at = float(rng.uniform(0.25, 0.9))
    worse = spec.base - (spec.aim - spec.base)
    if kind == "improved":
        return (Story("shift", at, spec.aim),)
    if kind == "worsened":
        return (Story("shift", at, worse),)
    if kind == "slow_trend":
        return (Story("trend", at * 0.6, spec.aim, at * 0.6 + 0.35),)
    return ()


def _rare_events(rng: np.random.Generator, timeline: Timeline, kept: BoardMeasure, code: str) -> Series:
    days = every_day(timeline.start, timeline.end)
    stories = STORIES.get((kept.measure_id, code), ())
    level = story_level(rng, kept.spec, kept.spec.base / ORGANISATION_SIZE[code], stories, day_number(days))
    happened = event_days(rng, level, int(day_number(timeline.start))).astype("datetime64[D]")
    span = Periods(happened[1:], happened[1:])
    return _one(kept, code, None, "all", span, Readings(value=np.diff(happened).astype(float)), "original")


def _editions(
    rng: np.random.Generator, kept: BoardMeasure, groups: list[Readings]
) -> list[tuple[str | None, list[Readings]]]:
    if not kept.is_revised:
        return [(None if kept.places else "original", groups)]
    parts = [provisional(rng, group) for group in (groups[1:] or groups)]
    early = [total(parts), *parts] if groups[1:] else parts
    return [("provisional", early), ("revised", groups)]


def _one(
    kept: BoardMeasure,
    code: str,
    unit: Unit | None,
    stratum: str,
    span: Periods,
    readings: Readings,
    edition: str | None,
) -> Series:
    lag = kept.lag_days + (REVISED_AFTER_DAYS if edition == "revised" else 0)
    return Series(
        source="wards" if kept.places else "board",
        measure_id=kept.measure_id,
        organisation_code=code,
        unit_code=unit.code if unit else None,
        stratum=stratum,
        periods=span,
        readings=readings,
        available_on=span.end + lag * DAY,
        edition=edition,
        is_published=True,
    )


def board_events(series: list[Series], timeline: Timeline) -> list[MeasureEvent]:
    """New phases where a shift is told, and a note on the wider definition."""
    events = []
    first, whole = np.datetime64(timeline.start, "D"), periods("month", timeline.start, timeline.end)
    span = whole.start[-1] - first
    seen: set[tuple[str, str]] = set()
    for one in series:
        key = (one.measure_id, one.organisation_code)
        if one.source != "board" or one.stratum != "all" or key in seen:
            continue
        seen.add(key)
        for story in STORIES.get(key, ()):
            if story.shape == "shift":
                note = "New phase: the level has changed and is expected to stay."
                events += _at(
                    one, first + (span * story.at).astype("timedelta64[D]"), "rebase", note, REBASE_AFTER_DAYS
                )
        if one.measure_id == REDEFINED_MEASURE_ID:
            note = "Wider definition from this month on."
            events += _at(
                one, np.datetime64(timeline.deliveries[2].replace(day=1), "D"), "annotate", note, 30
            )
    return events


def _at(one: Series, day: np.datetime64, event: str, reason: str, known_after: int) -> list[MeasureEvent]:
    place = int(np.searchsorted(one.periods.start, day))
    if place >= len(one):
        return []
    start = one.periods.start[place].item()
    known_on = start + timedelta(days=known_after)
    return [
        MeasureEvent(one.measure_id, one.organisation_code, None, "all", start, event, reason, ROLE, known_on)
    ]
