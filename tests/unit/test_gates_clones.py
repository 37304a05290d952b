"""Cloned periods are found, and nothing that is alike by chance, by standing still or by being revised."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.gates.clones import Clone, find_clones, in_words
from tests.unit.gate_cases import CONTRACTS

SERIES = next(contract.series for contract in CONTRACTS.values() if contract.series is not None)
LIMITS = SERIES.clones
DATA = Path(__file__).parents[3] / "shared" / "data"
NUMBERS = ("value", "numerator", "denominator", "subgroup_mean")

Rows = list[dict[str, Any]]


def month(number: int) -> date:
    return date(2024 + (number - 1) // 12, (number - 1) % 12 + 1, 1)


def points(months: Iterable[int], organisations: int = 30, measure: str = "seen", seed: int = 1) -> Rows:
    """Made numbers of about 5,000, different in every month. Synthetic."""
    return [
        {
            "measure_id": measure,
            "organisation_code": f"ZZ{code}",
            "unit_code": None,
            "stratum": "all",
            "period_start": month(number),
            "value": float(np.random.default_rng([seed, number, code]).integers(1001, 9999) * 10 + 7),
        }
        for number in months
        for code in range(organisations)
    ]


def copied(rows: Rows, months: int, share: float = 1.0) -> Rows:
    """Rows moved on by so many months; the first share of them keep their numbers."""
    return [
        row
        | {"period_start": month((row["period_start"].year - 2024) * 12 + row["period_start"].month + months)}
        | ({} if place < share * len(rows) else {"value": row["value"] + 2})
        for place, row in enumerate(rows)
    ]


def table(rows: Rows) -> pa.Table:
    schema = pa.schema(
        [(name, pa.string()) for name in SERIES.key]
        + [("period_start", pa.date32())]
        + [(name, pa.float64()) for name in NUMBERS]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def found(rows: Rows, past: Rows | None = None) -> list[Clone]:
    with duckdb.connect() as connection:
        connection.register("records", table(rows))
        if past is not None:
            connection.register("past", table(past))
        return find_clones(connection, SERIES, LIMITS, None if past is None else "past")


def pairs(clones: list[Clone]) -> set[tuple[date, date]]:
    return {(clone.earlier, clone.later) for clone in clones}


def test_months_that_differ_are_no_clones() -> None:
    assert found(points(range(1, 25))) == []


def test_a_copied_month_is_found_with_its_counts() -> None:
    rows = points(range(1, 13))
    clones = found(rows + copied(rows[30:60], 12))
    assert pairs(clones) == {(month(2), month(14))}
    assert {(clone.measure, clone.alike, clone.compared, clone.organisations) for clone in clones} == {
        (None, 30, 30, 30),
        ("seen", 30, 30, 30),
    }
    assert in_words(clones) == "2025-02-01 repeats 2024-02-01 in 30 of 30 numbers of 30 organisations"


@pytest.mark.parametrize(("share", "is_clone"), [(0.55, False), (0.6, False), (0.65, True), (1.0, True)])
def test_more_than_sixty_of_a_hundred_numbers_have_to_be_alike(share: float, is_clone: bool) -> None:
    rows = points([1], organisations=100)
    assert bool(found(rows + copied(rows, 12, share))) == is_clone


@pytest.mark.parametrize(("organisations", "is_clone"), [(5, False), (20, False), (21, True)])
def test_more_than_twenty_organisations_have_to_be_alike(organisations: int, is_clone: bool) -> None:
    rows = points([1], organisations)
    assert bool(found(rows + copied(rows, 12))) == is_clone


def test_one_measure_that_is_copied_is_found_among_others() -> None:
    others = [row for name in "abcdef" for row in points([1, 13], measure=name, seed=ord(name))]
    rows = points([1])
    clones = found(others + rows + copied(rows, 12))
    assert [(clone.measure, clone.later) for clone in clones] == [("seen", month(13))]


@pytest.mark.parametrize("value", [0.0, 7.0, 100.0, 0.5, 1200.0, 95.0])
def test_numbers_with_few_digits_are_alike_by_chance(value: float) -> None:
    assert found([row | {"value": value} for row in points([1, 2])]) == []


def test_a_stock_that_stands_still_is_no_clone() -> None:
    rows = points([1])
    beds = [row | {"period_start": month(number)} for number in range(1, 13) for row in rows]
    assert found(beds) == []


def test_a_period_delivered_again_is_no_clone() -> None:
    rows = points([1, 2])
    assert found(rows + rows) == []
    assert found(rows, past=rows) == []


def test_a_month_in_a_file_of_its_own_is_held_against_the_lake() -> None:
    past = points(range(1, 13))
    assert pairs(found(copied(past[:30], 12), past)) == {(month(1), month(13))}
    assert found(points([13]), past) == []


def test_what_the_file_does_not_bring_is_not_judged() -> None:
    past = points([1])
    assert found(points([20]), past + copied(past, 12)) == []


def test_a_file_without_rows_has_no_clones() -> None:
    assert found([]) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(21, 40), st.integers(2, 8), st.integers(1, 12), st.integers(0, 10_000), st.randoms())
def test_a_copy_is_found_wherever_it_is_and_nothing_else(
    organisations: int, months: int, distance: int, seed: int, random: Any
) -> None:
    rows = points(range(1, months + 1), organisations, seed=seed)
    source = random.randrange(1, months + 1)
    late = [row for row in rows if row["period_start"] == month(source)]
    expected = (month(source), month(source + months + distance))
    assert pairs(found(rows + copied(late, months + distance))) == {expected}


def unpivoted(path: Path, organisation: str, period: str, group: str, numbers: list[str]) -> str:
    return f"""
        select measure_id, organisation_code, cast(null as varchar) as unit_code, stratum, period_start,
            value, cast(null as double) as numerator, cast(null as double) as denominator,
            cast(null as double) as subgroup_mean
        from (
            unpivot (
                select {organisation} as organisation_code, {group} as stratum, {period} as period_start,
                    {", ".join(f'cast("{name}" as double) as "{name}"' for name in numbers)}
                from '{path}'
            ) on {", ".join(f'"{name}"' for name in numbers)} into name measure_id value value
        )
    """


REAL = {
    "ae_trust_monthly/england_trust_accidents_emergency.parquet": (
        "nhs_trust22_code",
        "strptime('1 ' || date, '%d %B %Y')::date",
        "'all'",
        ["total_attendances", "attendances_over_4hours", "total_emergency_admissions",
         "emergency_admissions_over_4hours", "pct_attendance_over_4hours"],
        {(date(2024, 2, 1), date(2025, 2, 1)), (date(2024, 3, 1), date(2025, 3, 1))},
    ),
    "scotland_ae/scotland_ae_attendance.parquet": (
        "hospital_code",
        "date_trunc('month', date::date)::date",
        "'all'",
        ["attendances", "within_4_hours", "over_4_hours"],
        set(),
    ),
    "ae_attendances_2016_19/ae_attendances.csv": (
        "org_code", "period", "type", ["attendances", "breaches", "admissions"], set()
    ),
    "shmi_2011_14/shmi.csv": (
        "PROVIDER", "DATE", "'all'", ["DENOMINATOR", "OBSERVED", "EXPECTED", "VALUE", "PO_UL", "OD_UL"], set()
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_files_have_the_clones_that_are_known_and_no_other(name: str) -> None:
    organisation, period, group, numbers, expected = REAL[name]
    with duckdb.connect() as connection:
        connection.execute(
            f"create table records as {unpivoted(DATA / name, organisation, period, group, numbers)}"
        )
        assert pairs(find_clones(connection, SERIES, LIMITS)) == expected
