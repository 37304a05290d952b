"""The closed forms of `macros/chance.sql`, rendered and asked of DuckDB, against scipy."""

import duckdb
import numpy as np
import pytest
from jinja2 import Environment
from scipy.special import gammaln
from scipy.stats import binom, norm

from pipelines.settings import DBT_PROJECT

MACROS = Environment(extensions=["jinja2.ext.do"]).from_string(
    (DBT_PROJECT / "macros" / "chance.sql").read_text(encoding="utf-8")
)


def asked(macro: str, *arguments: str, rows: str) -> np.ndarray:
    """The macro's expression over the rows of a query."""
    expression = getattr(MACROS.module, macro)(*arguments)
    with duckdb.connect() as connection:
        return np.array(connection.execute(f"select {expression} from ({rows})").fetchall())[:, 0]


def test_the_normal_tail_is_as_close_as_its_source_says():
    found = asked("normal_tail", "z", rows="select range / 10e0 as z from range(0, 301)")
    expected = norm.sf(np.arange(301) / 10)
    assert found == pytest.approx(expected, rel=1.3e-7)


def test_the_logarithm_of_a_factorial_is_exact_to_nine_digits():
    found = asked("ln_factorial", "n", rows="select range as n from range(0, 400)")
    assert found == pytest.approx(gammaln(np.arange(400) + 1), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("trials", "chance"), [(1, 0.3), (30, 0.02), (900, 0.4), (250_000, 0.016)])
def test_binomial_probabilities_are_those_of_scipy(trials, chance):
    middle = int(trials * chance)
    first, last = max(middle - 200, 0), min(middle + 200, trials)
    found = asked(
        "binomial_probability",
        "hits",
        str(trials),
        f"{chance}e0",
        rows=f"select range as hits from range({first}, {last + 1})",
    )
    expected = binom.pmf(np.arange(first, last + 1), trials, chance)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-300)
