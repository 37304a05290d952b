"""JSON lines: what becomes cells, and which lines are malformed."""

import json
from pathlib import Path

import pytest

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping
from pipelines.extracts.readers import jsonlines
from pipelines.extracts.recognise import recognise
from tests.unit.extract_cases import mappings, read_canonical, values

POINT = {"measure_id": "m", "organisation_code": "RXX", "period_start": "2026-04-01"}


def test_lines_become_rows(tmp_path: Path) -> None:
    lines = [
        {**POINT, "value": 1.50},
        {**POINT, "organisation_code": "RYY", "value": None, "numerator": 3, "denominator": 4},
        {**POINT, "organisation_code": " RZZ\u00a0", "value": "*", "stratum": "é"},
    ]
    content = "\n\n".join(map(json.dumps, lines))
    found = read_canonical(tmp_path, "measure_points", content, "measure_points.jsonl")
    assert values(found, "organisation_code", "value", "numerator", "stratum", "source_row") == [
        ("RXX", 1.5, None, "all", 1),
        ("RYY", None, 3.0, "all", 3),
        ("RZZ", None, None, "é", 5),
    ]
    assert values(found, "suppression_reason")[2] == "value: suppressed by the publisher"
    assert found.rows_received == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
def test_encodings(tmp_path: Path, encoding: str, ending: str) -> None:
    path = tmp_path / f"measure_points.{ending}"
    content = json.dumps({**POINT, "stratum": "Zoë"}, ensure_ascii=False).encode(encoding)
    found = read_canonical(tmp_path, "measure_points", content, path.name)
    assert values(found, "stratum") == ["Zoë"]
    named = recognise(path, list(mappings()))
    assert isinstance(named, Mapping)
    assert named.name == "canonical_measure_points"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{", "no JSON object of plain values"),
        ("[1, 2]", "no JSON object of plain values"),
        ("3", "no JSON object of plain values"),
        ('{"measure_id": {"a": 1}}', "no JSON object of plain values"),
        ('{"measure_id": ["a"]}', "no JSON object of plain values"),
        ('{"measure_id": "a", "measure_id": "b"}', "a name that stands twice"),
        ('{"measure_id": "\\u0000"}', "a character that no text has"),
        ('{"measure_id": "\\ud800"}', "a character that no text has"),
        ("[" * 100_000, "no JSON object of plain values"),
        ('{"measure_id": "' + "x" * 1_000_001 + '"}', "longer than 1 MB"),
    ],
)
def test_a_malformed_line_is_given_up_alone(tmp_path: Path, line: str, wrong: str) -> None:
    content = "\n".join([json.dumps(POINT), line, json.dumps(POINT)])
    found = read_canonical(tmp_path, "measure_points", content, "measure_points.jsonl")
    assert values(found, "source_row") == [1, 3]
    assert found.malformed_rows.described == [(2, wrong)]
    assert found.rows_received == 3


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"", "EMPTY_FILE", "file"),
        (b"\n \n", "EMPTY_FILE", "file"),
        (b"a,b\n1,2\n", "NOT_JSON_LINES", "file"),
        (b'[{"a": 1},\n{"a": 2}]\n', "NOT_JSON_LINES", "file"),
        (b'{"measure_id": 1}\n{"measure_id": "\xe9"}', "NOT_UTF8", "line 2"),
        (b'{"a": 1, "A ": 2}', "DUPLICATE_COLUMN", "file"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, code: str, place: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "measure_points", content, "measure_points.jsonl")
    assert (caught.value.code, caught.value.place) == (code, place)


def test_too_many_names_and_too_long_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = json.dumps(POINT | {f"column {n}": n for n in range(5000)})
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "measure_points", wide, "measure_points.jsonl")
    assert caught.value.code == "TOO_MANY_COLUMNS"
    monkeypatch.setattr(jsonlines, "MAX_LINE_BYTES", 1000)
    with pytest.raises(UnreadableFile) as caught:
        read_canonical(tmp_path, "measure_points", '{"a": "' + "x" * 2000, "measure_points.jsonl")
    assert (caught.value.code, caught.value.place) == ("LINE_TOO_LONG", "line 1")


def test_rows_arrive_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "BATCH_CELLS", 10)
    lines = [json.dumps({**POINT, "value": n}) for n in range(50)] + [json.dumps({**POINT, "stratum": "x"})]
    found = read_canonical(tmp_path, "measure_points", "\n".join(lines), "measure_points.jsonl")
    assert values(found, "value")[:50] == [float(n) for n in range(50)]
    assert values(found, "stratum")[50] == "x"
