"""What is planted in the extracts on maturity, culture and outcomes can be found again in their rows.

Many seeds are put together, so that bounds can be narrow: they are four standard errors or tighter.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from pipelines.demo import culture_parameters as planted
from pipelines.demo.benefits import benefits
from pipelines.demo.board_series import board_series
from pipelines.demo.capability import support_roles, training
from pipelines.demo.culture import compact_commitments, experience_events, governance_time, survey_results
from pipelines.demo.maturity import LEVELS, maturity_assessments
from pipelines.demo.members import Member, make_members
from pipelines.demo.organisation import make_units
from pipelines.demo.people import STAFF_GROUPS
from pipelines.demo.projects import make_projects
from pipelines.demo.ties import collaboration_ties
from pipelines.demo.timeline import make_timeline
from pipelines.demo.told import WTE, Row, Told
from pipelines.demo.workforce import POSTS, leadership_posts, workforce_months

TIMELINE = make_timeline(date(2026, 11, 21), 6)
LAST = TIMELINE.deliveries[0]
SEEDS = range(20)
UNITS = make_units(1)
WITH_QI = {unit.code for unit in UNITS if unit.weight > 0}


def rows(told: list[Told]) -> Iterator[Row]:
    return (one.row for one in told)


def of_seeds(make, seeds=SEEDS) -> Iterator[Row]:
    return (row for seed in seeds for row in rows(make(seed)))


def share(numerators: Iterable[float], denominators: Iterable[float]) -> float:
    return sum(numerators) / sum(denominators)


def test_assessments_rise_and_groups_differ_as_planted() -> None:
    seen: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in of_seeds(lambda seed: maturity_assessments(seed, LAST)):
        assert isinstance(row["assessed_on"], date)
        year = row["assessed_on"].year
        seen[(str(row["assessor_group"]), year)].append(LEVELS.index(str(row["level"])) + 1)
    mean = {key: float(np.mean(levels)) for key, levels in seen.items()}
    for year in (2025, 2026):
        gain = mean[("frontline", year)] - mean[("frontline", year - 1)]
        assert gain == pytest.approx(planted.MATURITY_GAIN, abs=0.04)
    gap = mean[("executive", 2025)] - mean[("frontline", 2025)]
    assert gap == pytest.approx(planted.ASSESSOR_GAP["executive"], abs=0.05)


@pytest.fixture(scope="module")
def members() -> list[Member]:
    return [
        member for project in make_projects(5, TIMELINE, UNITS, 1500) for member in make_members(5, project)
    ]


def test_training_is_used_within_180_days_as_planted(members: list[Member]) -> None:
    joined: dict[str, list[date]] = defaultdict(list)
    for member in members:
        joined[member.person_id].append(member.joined_on)
    used: dict[str, list[bool]] = defaultdict(list)
    for row in rows(training(5, TIMELINE, members)):
        done = row["completed_on"]
        if isinstance(done, date) and done <= TIMELINE.end - timedelta(days=180):
            days = [(day - done).days for day in joined[str(row["person_id"])]]
            used[str(row["level"])].append(any(0 <= after <= 180 for after in days))
    for level, expected in planted.APPLIED_SHARE.items():
        error = (expected * (1 - expected) / len(used[level])) ** 0.5
        assert len(used[level]) > 200
        assert np.mean(used[level]) == pytest.approx(expected, abs=4 * error)


def test_sickness_and_stability_are_as_planted() -> None:
    sick: dict[str, list[int]] = defaultdict(list)
    stayed: dict[bool, list[int]] = defaultdict(list)
    for row in rows(workforce_months(1, TIMELINE, UNITS)):
        key = str(row["staff_group"]) if row["unit_code"] is None else str(row["unit_code"] in WITH_QI)
        sick[key].append(int(str(row["sick_days"])))
        sick[f"{key} available"].append(int(str(row["available_days"])))
        if row["unit_code"] is not None:
            stayed[row["unit_code"] in WITH_QI] += [int(str(row["stayed_headcount"]))]
            sick[f"{row['unit_code'] in WITH_QI} before"].append(int(str(row["headcount_year_before"])))
    rates = {key: share(sick[key], sick[f"{key} available"]) for key in (*STAFF_GROUPS, "True", "False")}
    for group, rate in planted.SICKNESS_RATE.items():
        assert rates[group] == pytest.approx(rate, rel=0.03)
    assert rates["True"] / rates["False"] == pytest.approx(planted.SICKNESS_RATIO_WITH_QI, abs=0.03)
    for has_qi, stability in ((True, planted.STABILITY_WITH_QI), (False, planted.STABILITY)):
        assert share(stayed[has_qi], sick[f"{has_qi} before"]) == pytest.approx(stability, abs=0.02)


def test_tenure_is_as_planted() -> None:
    spells: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for row in of_seeds(lambda seed: leadership_posts(seed, TIMELINE, LAST)):
        started, ended = row["started_on"], row["ended_on"]
        assert isinstance(started, date)
        assert (row["holder_id"] is None) == (row["holding"] == "vacant")
        if row["holding"] == "substantive":
            until = ended if isinstance(ended, date) else LAST
            spells[str(row["post_level"])].append(((until - started).days, ended is not None))
    for level, years in planted.MEDIAN_TENURE_YEARS.items():
        days, has_ended = zip(*spells[level], strict=True)
        held = ecdf(CensoredData.right_censored(days, ~np.array(has_ended))).sf
        median = held.quantiles[np.argmax(held.probabilities <= 0.5)]
        assert median / 365.25 == pytest.approx(years, rel=0.08)


def test_ties_are_returned_as_planted_and_one_wave_has_too_few_answers() -> None:
    ties: dict[str, set[tuple[str, str]]] = defaultdict(set)
    kinds: dict[str, list[bool]] = defaultdict(list)
    asked: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for seed in SEEDS:
        for row in rows(collaboration_ties(seed, LAST, UNITS)):
            wave, unit, other = str(row["wave"]), str(row["unit_code"]), row["to_unit_code"]
            asked[wave][f"{seed} {unit}"] = (int(str(row["answered"])), int(str(row["invited"])))
            assert unit != other
            if other:
                ties[wave].add((f"{seed} {unit}", f"{seed} {other}"))
                kinds[wave].append(row["tie"] == "collaborates")
    for wave, reciprocity, collaborates, response in zip(
        sorted(ties),
        planted.RECIPROCITY_BY_WAVE,
        planted.COLLABORATE_SHARE_BY_WAVE,
        planted.RESPONSE_BY_WAVE,
        strict=True,
    ):
        returned = np.mean([(two, one) in ties[wave] for one, two in ties[wave]])
        if response >= 0.7:
            assert returned == pytest.approx(reciprocity, abs=0.04)
        assert np.mean(kinds[wave]) == pytest.approx(collaborates, abs=0.05)
        answered, invited = zip(*asked[wave].values(), strict=True)
        assert share(answered, invited) == pytest.approx(response, abs=0.03)


def test_surveys_rounds_and_visits_are_as_planted() -> None:
    for row in rows(survey_results(3, LAST)):
        if row["organisation_code"] == "ZZA" and row["breakdown"] == "all":
            year = int(str(row["period_start"])[:4]) - 2023
            found = int(str(row["numerator"])) / int(str(row["denominator"]))
            assert found == pytest.approx(planted.FAVOURABLE_SHARE[str(row["concept"])][year], abs=0.04)
    status: dict[str, str] = {}
    came: dict[str, list[int]] = defaultdict(list)
    visits = 0
    for seed in SEEDS:
        for row in rows(experience_events(seed, LAST, UNITS, [])):
            if row["kind"] == "schwartz_round":
                status[f"{seed} {row['event_id']}"] = str(row["status"])
                if row["status"] == "held" and row["organisation_code"] == "ZZA":
                    came[str(row["attendee_group"])].append(int(str(row["attended"])))
            elif row["organisation_code"] == "ZZA":
                visits += int(str(row["attended"]))
    held = np.mean([each == "held" for each in status.values()])
    assert held == pytest.approx(planted.ROUNDS_HELD_SHARE, abs=0.05)
    for group, rate in planted.ATTENDANCE_PER_100_WTE.items():
        wte = WTE["ZZA"] * STAFF_GROUPS[group]
        error = sum(came[group]) ** -0.5
        assert np.mean(came[group]) / wte * 100 == pytest.approx(rate, rel=4 * error)
    members = POSTS["executive"] + POSTS["non_executive"]
    expected = planted.BOARD_VISITS_PER_MEMBER_AND_QUARTER
    assert visits / members / 4 / len(SEEDS) == pytest.approx(expected, rel=0.12)


def test_board_time_moves_to_improvement_and_promises_are_kept_as_planted() -> None:
    minutes: dict[tuple[str, date], int] = defaultdict(int)
    for row in of_seeds(lambda seed: governance_time(seed, TIMELINE.end)):
        assert isinstance(row["met_on"], date)
        minutes[(str(row["function"]), row["met_on"].replace(day=1))] += int(str(row["minutes"]))
    months = sorted({month for _, month in minutes})

    def spent(function: str, some: list[date]) -> float:
        return share(
            [minutes[(function, month)] for month in some],
            [minutes[(each, month)] for month in some for each in planted.BOARD_TIME],
        )

    moved = spent("improvement", months[-3:]) - spent("improvement", months[:3])
    assert moved == pytest.approx(planted.BOARD_TIME_SHIFT * 9 / 11, abs=0.04)
    assert spent("control", months) == pytest.approx(planted.BOARD_TIME["control"], abs=0.03)
    gives = [
        row["evidenced_on"]
        for row in of_seeds(lambda seed: compact_commitments(seed, LAST))
        if row["given_by"] == "organisation" and row["declared_method"] is None
    ]
    kept = [isinstance(day, date) and day > LAST - timedelta(days=365) for day in gives]
    assert np.mean(kept) == pytest.approx(planted.GIVES_EVIDENCED_SHARE, abs=0.07)


def test_huddles_and_hours_are_where_improvement_is() -> None:
    hours: dict[str, float] = defaultdict(float)
    huddles: dict[str, set[str]] = defaultdict(set)
    for row in of_seeds(lambda seed: support_roles(seed, TIMELINE, UNITS), range(6)):
        if row["role"] == "qi_time":
            for name in ("wte", "hours_rostered", "hours_used"):
                hours[name] += float(str(row[name]))
        if row["role"] in ("qi_time", "huddle"):
            huddles[str(row["role"])].add(f"{row['unit_code']}")
            assert row["unit_code"] in WITH_QI
    assert hours["hours_rostered"] / hours["wte"] == pytest.approx(planted.PROTECTED_HOURS_PER_WTE, rel=0.03)
    used = hours["hours_used"] / hours["hours_rostered"]
    assert used == pytest.approx(planted.PROTECTED_HOURS_USED_SHARE, rel=0.03)


def test_benefits_are_displaced_and_fall_short_as_planted() -> None:
    lines: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    displaced = []
    projects = make_projects(9, TIMELINE, UNITS, 4000)
    for row in rows(benefits(9, LAST, projects, [])):
        key = (str(row["project_id"]), str(row["benefit_line"]))
        low, high = float(str(row["amount_low"])), float(str(row["amount_high"]))
        assert low <= high
        lines[key][str(row["stage"])] = (low + high) / 2
        if row["stage"] == "forecast":
            displaced.append(row["receiver_organisation_code"] != row["payer_organisation_code"])
    assert np.mean(displaced) == pytest.approx(planted.DISPLACED_SHARE, abs=0.05)
    both = [line for line in lines.values() if len(line) == 2]
    losses = [line["validated"] < 0 for line in both]
    assert np.mean(losses) == pytest.approx(planted.LOSS_SHARE, abs=0.03)
    won = [line["validated"] / line["forecast"] for line in both if line["validated"] > 0]
    assert np.mean(won) == pytest.approx(planted.VALIDATED_TO_FORECAST, abs=0.03)


def test_the_gap_between_quintiles_narrows_where_it_is_planted() -> None:
    odds: dict[tuple[str, bool], list[np.ndarray]] = defaultdict(list)
    for one in board_series(2, TIMELINE, UNITS):
        if one.measure_id == planted.NARROWING_MEASURE_ID and one.edition in (None, "original", "revised"):
            numerator, denominator = one.readings.parts()
            for is_late, part in ((False, slice(0, 12)), (True, slice(-12, None))):
                parts = np.array([numerator[part].sum(), (denominator - numerator)[part].sum()])
                odds[(one.stratum, is_late)].append(parts)

    def gap(is_late: bool) -> float:
        worst, best = (np.sum(odds[(f"quintile_{place}", is_late)], axis=0) for place in (1, 5))
        return float(np.log(worst[0] / worst[1]) - np.log(best[0] / best[1]))

    assert gap(is_late=True) < 0.75 * gap(is_late=False)
