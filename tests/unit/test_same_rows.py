"""The comparison behind `make spark` finds what differs, and nothing else."""

import duckdb
import pytest

from tests.same_rows import Verdict, verdict

OURS = "(1, 'a', 2.0::double), (2, 'b', null), (3, 'c', 'nan'::double), (4, null, 5.0::double)"
SAME = Verdict(rows=4, only_on_duckdb=0, only_on_spark=0, differing={}, rounded=0)
OTHER_NUMBER = SAME._replace(differing={"number": 1})
OTHER_LABEL = SAME._replace(differing={"label": 1})


@pytest.mark.parametrize("key", [("id",), ()], ids=["by key", "without a key"])
@pytest.mark.parametrize(
    ("was", "now", "by_key", "without"),
    [
        ("", "", SAME, SAME),
        ("2.0", "2.0000000001", SAME._replace(rounded=1), SAME._replace(rounded=1)),
        ("2.0", "2.00000001", OTHER_NUMBER, OTHER_NUMBER),
        ("null)", "0.0::double)", OTHER_NUMBER, OTHER_NUMBER),
        ("'c'", "'C'", OTHER_LABEL, SAME._replace(only_on_duckdb=1, only_on_spark=1)),
        ("(1, 'a', 2.0::double), ", "", SAME._replace(only_on_duckdb=1), SAME._replace(only_on_duckdb=1)),
        ("(1, ", "(1, 'a', 2.0), (1, ", SAME._replace(only_on_spark=1), SAME._replace(only_on_spark=1)),
    ],
    ids=["nothing", "rounding", "a number", "a number for none", "a label", "a row less", "a row twice"],
)
def test_what_differs_is_found(key: tuple[str, ...], was: str, now: str, by_key: Verdict, without: Verdict):
    with duckdb.connect() as connection:
        connection.execute(f"create view ours as select * from (values {OURS}) as t(id, label, number)")
        theirs = OURS.replace(was, now, 1) if was else OURS
        connection.execute(f"create view theirs as select * from (values {theirs}) as t(id, label, number)")
        assert verdict(connection, "ours", "theirs", key) == (by_key if key else without)
