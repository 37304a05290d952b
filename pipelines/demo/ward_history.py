"""Long weekly histories of many wards by deprivation quintile: the bulk that makes a demo of any size.

Belongs here: drawing and cutting them, measure by measure, so that memory does not grow with the number of
points. Does not belong here: writing files (`files.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa

from pipelines.demo.chance import stream
from pipelines.demo.columns import POINT_COLUMNS
from pipelines.demo.measures import Measure
from pipelines.demo.organisation import MERGED_CODE, SILENCED_CODE, Unit
from pipelines.demo.parameters import DEPRIVATION_LOG_ODDS, QUINTILE_WEIGHTS
from pipelines.demo.series import NUMBER_TYPES, STRATA
from pipelines.demo.timeline import DAY, Periods, Timeline, weeks
from pipelines.demo.topics import percent

LAG_DAYS = 3
CHANGED_SHARE = 0.25
"""Share of the series that shift once."""

SUBJECTS = (
    "Care plan reviewed",
    "Pain score recorded",
    "Fluid balance complete",
    "Mouth care given",
    "Call bell answered in time",
    "Mobility assessed",
    "Line site checked",
    "Medicines reconciled",
    "Allergies confirmed",
    "Family informed",
    "Discharge date set",
    "Weight recorded",
    "Skin checked",
    "Cognition screened",
    "Bed moved for care only",
    "Sleep undisturbed",
    "Meal eaten",
    "Consent recorded",
    "Escalation answered",
    "Handover complete",
)
GROUPS = (
    "people admitted as an emergency",
    "people admitted for surgery",
    "people over 75",
    "people with diabetes",
    "people with frailty",
    "people with dementia",
    "people with heart failure",
    "people with lung disease",
    "people with cancer",
    "people after stroke",
    "people with kidney disease",
    "people with a fracture",
    "people with a learning disability",
    "people in their last year of life",
    "people who need an interpreter",
    "people admitted at night",
    "people admitted at the weekend",
    "people readmitted",
    "people moved between wards",
    "people who live alone",
    "people with infection",
    "people under 25",
    "people with depression",
    "all others",
)

SHIFTS = ("by day", "by night", "at the weekend")
MOST_MEASURES = len(SUBJECTS) * len(GROUPS) * len(SHIFTS)


@dataclass(frozen=True)
class WardHistory:
    """The plan of the bulk: `measures` x `wards` x `span` x strata; the last measure may have fewer wards.

    `delivery`: number of the delivery that brings each week of `span`.
    """

    seed: int
    measures: list[Measure]
    wards: list[Unit]
    span: Periods
    delivery: np.ndarray
    points: int

    @property
    def points_of_ward(self) -> int:
        return len(self.span) * len(STRATA)


def plan_ward_history(seed: int, timeline: Timeline, units: list[Unit], wanted: int) -> WardHistory:
    """A plan of about `wanted` points, rounded up to whole wards of at most MOST_MEASURES measures.

    Raises ValueError when so many points would need more measures.
    """
    gone = (MERGED_CODE, SILENCED_CODE)
    wards = [unit for unit in units if unit.type == "ward" and unit.organisation.code not in gone]
    span = weeks(timeline.start, timeline.end - timedelta(days=LAG_DAYS))
    days = np.array(timeline.deliveries, dtype="datetime64[D]")
    delivery = np.searchsorted(days, span.end + LAG_DAYS * DAY)
    of_ward = max(len(span) * len(STRATA), 1)
    series = -(-max(wanted, 0) // of_ward)
    needed = -(-series // len(wards))
    if needed > MOST_MEASURES:
        most = MOST_MEASURES * len(wards) * of_ward
        raise ValueError(f"at most {most:,} points of ward histories in {len(span)} weeks")
    measures = [_measure(timeline, number) for number in range(needed)]
    return WardHistory(seed, measures, wards, span, delivery, series * of_ward)


def _measure(timeline: Timeline, number: int) -> Measure:
    subject = SUBJECTS[number % len(SUBJECTS)]
    group = GROUPS[number // len(SUBJECTS) % len(GROUPS)]
    shift = SHIFTS[number // (len(SUBJECTS) * len(GROUPS))]
    base = 52.0 + 7 * (number % 6)
    return Measure(
        measure_id=f"BULK-{number + 1:04d}",
        spec=percent(f"{subject} {shift}: {group}", base, base + 8, 55, group, "week", "p"),
        project=None,
        family="process",
        purpose="improvement",
        quality_domain="safe",
        starts_on=timeline.start,
        last_day=timeline.end,
        ends_on=None,
        registered_on=timeline.start,
    )


def ward_tables(plan: WardHistory) -> Iterator[tuple[int, pa.Table]]:
    """Number of the delivery and the rows it brings (POINT_COLUMNS), measure by measure."""
    left = plan.points
    for number, measure in enumerate(plan.measures):
        wards = plan.wards[: left // plan.points_of_ward]
        left -= len(wards) * plan.points_of_ward
        counts = _counts(plan, measure, number, len(wards))
        for delivery in np.unique(plan.delivery):
            chosen = np.flatnonzero(plan.delivery == delivery)
            yield (
                int(delivery),
                _table(measure, wards, plan.span[chosen], *(part[:, :, chosen] for part in counts)),
            )


def _counts(plan: WardHistory, measure: Measure, number: int, wards: int) -> tuple[np.ndarray, np.ndarray]:
    """Numerators and denominators, wards x strata x weeks; the first stratum is the sum of the others."""
    rng = stream(plan.seed, "ward history", number)
    length, base, aim = len(plan.span), measure.spec.base / 100, measure.spec.aim / 100
    usual = np.log(base / (1 - base)) + rng.normal(0.0, 0.25, (wards, 1, 1))
    size = np.log(aim / (1 - aim)) - np.log(base / (1 - base))
    change = np.where(
        rng.random((wards, 1, 1)) < CHANGED_SHARE, rng.choice([size, size, -size], (wards, 1, 1)), 0.0
    )
    begins = rng.integers(length // 4, max(length - length // 8, length // 4 + 1), (wards, 1, 1))
    step = -DEPRIVATION_LOG_ODDS * (2 - np.arange(5)).reshape(1, 5, 1)
    log_odds = (
        usual + change * (np.arange(length) >= begins) + step + rng.normal(0.0, 0.05, (wards, 1, length))
    )
    cases = (
        measure.spec.size
        * rng.lognormal(0.0, 0.3, (wards, 1, 1))
        * np.array(QUINTILE_WEIGHTS).reshape(1, 5, 1)
    )
    denominator = np.maximum(rng.poisson(cases, (wards, 5, length)), 1)
    numerator = rng.binomial(denominator, 1 / (1 + np.exp(-log_odds)))
    return _with_sum(numerator), _with_sum(denominator)


def _with_sum(parts: np.ndarray) -> np.ndarray:
    return np.concatenate([parts.sum(axis=1, keepdims=True), parts], axis=1)


def _table(
    measure: Measure, wards: list[Unit], span: Periods, numerator: np.ndarray, denominator: np.ndarray
) -> pa.Table:
    length, rows = len(span), numerator.size
    places = np.repeat(np.arange(len(wards)), len(STRATA) * length)
    strata = np.tile(np.repeat(np.arange(len(STRATA)), length), len(wards))
    starts = np.tile(span.start, len(wards) * len(STRATA))
    ends = np.tile(span.end, len(wards) * len(STRATA))
    columns = {
        "measure_id": _coded(np.zeros(rows), [measure.measure_id]),
        "organisation_code": _coded(places, [ward.organisation.code for ward in wards]),
        "unit_code": _coded(places, [ward.code for ward in wards]),
        "stratum": _coded(strata, list(STRATA)),
        "period_start": pa.array(starts, pa.date32()),
        "period_end": pa.array(ends, pa.date32()),
        **{name: pa.nulls(rows, kind) for name, kind in NUMBER_TYPES.items()},
        "numerator": pa.array(numerator.ravel(), pa.int64()),
        "denominator": pa.array(denominator.ravel(), pa.int64()),
        "edition": _coded(np.zeros(rows), ["original"]),
        "published_on": pa.array(ends + LAG_DAYS * DAY, pa.date32()),
    }
    return pa.table(columns).select(POINT_COLUMNS)


def _coded(places: np.ndarray, values: list[str]) -> pa.DictionaryArray:
    """`values` at `places`. With a value twice in a dictionary Arrow writes bytes that it never set."""
    known = {value: code for code, value in enumerate(dict.fromkeys(values))}
    codes = np.array([known[value] for value in values], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(codes[places.astype(np.int32)]), pa.array(list(known), pa.string())
    )
