"""The SQL of the project says nothing that Spark refuses; `make spark` builds it there, in minutes.

Spark 4.3 refused every example below. What is said for DuckDB alone is left out.
"""

import re

import pytest

from pipelines.settings import DBT_PROJECT

REFUSED = {
    "over (w rows between 1 preceding and": r"over \(\s*(?!partition|order)\w+ (rows|range|\{\{)",
    "rows between n preceding and current row": r"between (?!unbounded|current|interval|\d)\w+ preceding",
    "order by a groups between 1 preceding and current row": r"\bgroups between\b",
    "rows between 1 preceding and current row exclude current row": r"\bexclude (current row|ties|group)\b",
    "last_value(a ignore nulls)": r"\bignore nulls\)",
    "string_agg(a, ' ' order by b)": r"\b(string_agg|array_agg|first|last|sum|list)\([^()]* order by",
    "arg_max(a, b)": r"\barg_(max|min)\(",
    "list_sum(a)": r"\b(list(_\w+)?|unnest|struct_pack|generate_series)\(",
    "quantile_cont(a, 0.5)": r"\bquantile_(cont|disc)\(",
    "strftime(a, '%Y')": r"\b(strftime|starts_with|regexp_matches|isfinite|fsum|xor)\(",
    "cast(a as utinyint)": r"\b(enum ?\(|u?hugeint\b|u(tiny|small|big)int\b|uinteger\b)",
    "select * exclude (a)": r"\* (exclude|replace)\b",
    "a as materialized (select 1)": r"\bas (not )?materialized \(",
    "a asof join b": r"\b(asof|positional) (left )?join\b",
    "a // b": r"\w // \w",
}
"""A construct, and the pattern that finds its like."""
SOURCES = sorted(
    path for folder in ("models", "macros", "tests") for path in (DBT_PROJECT / folder).rglob("*.sql")
)
FOR_DUCKDB_ALONE = re.compile(
    r"\{#.*?#\}|--[^\n]*|\{%-? macro default__.*?endmacro|\{%-? if [^%]*target\.type == 'duckdb'.*?endif",
    re.DOTALL,
)


@pytest.mark.parametrize("construct", REFUSED)
def test_no_model_says_what_spark_refuses(construct: str):
    pattern = re.compile(REFUSED[construct])
    assert pattern.search(construct)
    found = {
        path.name: match[0]
        for path in SOURCES
        if (match := pattern.search(FOR_DUCKDB_ALONE.sub("", path.read_text())))
    }
    assert not found, f"Spark refuses the like of {construct}; a macro for each engine may say it"
