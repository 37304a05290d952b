"""Whatever is wrong with a file, every line of it has one fate."""

from collections import defaultdict

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.extracts.control_totals import ControlTotal
from pipelines.extracts.readers.line_numbers import Malformed
from pipelines.gates.gate import judge
from tests.unit.gate_cases import RECEIVED_ON, extracted, small_contract

SMALL = small_contract()

RECORD = st.fixed_dictionaries(
    {
        "thing_id": st.sampled_from(["A", "B", "C", "D", "E", "F", "G", "H", "Total", None]),
        "group": st.sampled_from(["x", None]),
        "amount": st.sampled_from([1.0, 1.0, 1.0, 2.0, -1.0, None, float("inf")]),
        "note": st.sampled_from([None, None, None, None, None, "fine", "a@example.org"]),
    }
)
# Lines of a file, each with the records made of it.
LINES = st.lists(st.lists(RECORD, max_size=3), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lines=LINES,
    malformed=st.integers(0, 2),
    ignored=st.integers(0, 2),
    total=st.sampled_from([None, None, None, 10.0]),
    data=st.data(),
)
def test_every_line_is_accepted_quarantined_refused_or_ignored(
    lines: list[list[dict[str, object]]],
    malformed: int,
    ignored: int,
    total: float | None,
    data: st.DataObject,
) -> None:
    numbered = [(number, record) for number, records in enumerate(lines, start=2) for record in records]
    unparsed = {(index, "amount") for index in range(len(numbered)) if data.draw(st.integers(0, 9)) == 0}
    file = extracted(
        SMALL,
        [record for _, record in numbered],
        unparsed,
        [number for number, _ in numbered],
        rows_received=len(lines) + malformed + ignored,
        rows_ignored={"total row": ignored},
        malformed_rows=Malformed.of((1000 + line, "fields") for line in range(malformed)),
        control_totals=[] if total is None else [ControlTotal("amount", total, 9.0)],
    )
    judgement = judge(file, SMALL, {}, received_on=RECEIVED_ON)

    fates = (
        judgement.rows_accepted,
        judgement.rows_quarantined,
        judgement.rows_refused,
        judgement.rows_ignored,
    )
    assert sum(fates) == file.rows_received
    assert min(fates) >= 0
    assert judgement.is_refused == bool(judgement.rows_refused) or not lines
    if judgement.is_refused:
        assert judgement.accepted.num_rows == judgement.quarantined.num_rows == 0
        assert judgement.rows_accepted == judgement.rows_quarantined == 0
        return
    records_of = defaultdict(int)
    for number, _ in numbered:
        records_of[number] += 1
    accepted, quarantined = _count(judgement.accepted), _count(judgement.quarantined)
    assert not accepted.keys() & quarantined.keys()
    assert accepted | quarantined == records_of
    assert quarantined.keys() == {
        line for line in judgement.row_codes.column("source_row").to_pylist() if line < 1000
    }
    assert judgement.rows_quarantined == len(quarantined) + malformed


def _count(table: pa.Table) -> dict[int, int]:
    counts: dict[int, int] = defaultdict(int)
    for line in table.column("source_row").to_pylist():
        counts[line] += 1
    return counts
