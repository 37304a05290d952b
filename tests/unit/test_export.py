"""What is written from the mart for others: nothing runs in a spreadsheet, and CML comes back as it was."""

import zipfile
from datetime import date, datetime
from hashlib import md5
from io import BytesIO
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook

from pipelines.cli import main
from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.mapping import Mapping
from pipelines.extracts.read import read
from pipelines.extracts.recognise import recognise
from pipelines.mart.cml import NotForCml, export_cml
from pipelines.mart.export import export_answer
from pipelines.mart.notes import IMPROVEMENT
from pipelines.spreadsheet import TooLargeForSheet
from tests.unit.extract_cases import contracts, mappings

COLUMNS = """
    measure_id varchar, organisation_code varchar, unit_code varchar, stratum varchar, period_start date,
    period_end date, value double, numerator double, denominator double, subgroup_size bigint,
    subgroup_mean double, subgroup_sd double, edition varchar, published_on date, suppression_reason varchar,
    point_id varchar, received_at timestamp, is_latest boolean, is_withdrawn boolean
"""
POINT = [name.split()[0] for name in COLUMNS.split(",")][:15]
DAY, LAST, PUBLISHED = date(2026, 4, 1), date(2026, 4, 30), date(2026, 5, 14)
NO_GROUP = (None, None, None)


def point(
    organisation,
    unit,
    stratum,
    numbers,
    *,
    group=NO_GROUP,
    end: date | None = LAST,
    edition="original",
    reason=None,
):
    return ("waits", organisation, unit, stratum, DAY, end, *numbers, *group, edition, PUBLISHED, reason)


# Synthetic: plain, of a unit, of odd strata, without an end, withheld, of a subgroup.
POINTS = [
    point("ZZ1", None, "all", (61.384615, 798.0, 1300.0), edition="revised"),
    point("ZZ1", "W:1 /a", "C_320", (-0.1, 1e-7, 3e21)),
    point("ZZ1", None, "unit:W2|x", (1 / 3, None, None), end=None),
    point("ZZ1", None, "=1+1", (2.0, None, None)),
    point("ZZ2", None, "all", (None, None, 9.0), reason="numerator: fewer than 8; value: fewer than 8"),
    point("ZZ2", "W2", "80+", (5.5, None, None), group=(4, 5.5, 1.25), edition="provisional"),
]


# What a release says of itself; synthetic too.
DOUBTS = """
    create schema ops;
    create table ops.release as select 'R1' as release_id, date '2026-05-16' as as_of_date,
        timestamp '2026-05-16 04:00' as published_at, true as contains_synthetic;
    create table ops.dim_lineage as from (values ('measure_points', 'core', 'fct_measure_point'),
        ('organisations', 'core', 'dim_organisation')) as _(extract, schema_name, table_name);
    create table ops.fct_freshness as from (values ('measure_points', 9), ('measure_points', 2),
        ('organisations', null)) as _(extract, days_since_accepted);
    create table ops.fct_quarantined_row as from (values ('L1', 5, 'measure_points', 'open'),
        ('L1', 5, 'measure_points', 'open'), ('L1', 6, 'measure_points', 'released'),
        ('L2', 1, 'organisations', 'open')) as _(load_id, source_row, extract, status);
    create table ops.fct_load as from (values ('L1', 'measure_points', 'a.csv', 'accepted', ''),
        ('L2', 'measure_points', 'b.csv', 'refused', '=1+1'))
        as _(load_id, extract, file_path, verdict, reason);
    create table core.fct_expected_point as from (values ('ZZ1', 'missing'), ('ZZ1', 'received'))
        as _(organisation_code, status);
    comment on column core.fct_measure_point.value is 'The value.';
"""


@pytest.fixture
def mart(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "mart" / "qi_mart.duckdb"
    path.parent.mkdir(parents=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create schema core; create table core.fct_measure_point ({COLUMNS})")
        connection.execute(
            "create table core.dim_measure as select * from (values ('waits', 'assurance', true), "
            "('falls', 'improvement', true)) as measures(measure_id, purpose, is_latest)"
        )
        connection.execute(
            "create table core.dim_organisation as select 'ZZ1' as organisation_code, "
            "'NHS Trust ' as organisation_type, true as is_latest"
        )
        connection.execute(DOUBTS)
        private = ("falls", *POINTS[0][1:])
        for number, each in enumerate([*POINTS, private]):
            row = [*each, f"point {number}", datetime(2026, 5, 15, 4), True, False]
            connection.execute(
                f"insert into core.fct_measure_point values ({', '.join('?' * len(row))})", row
            )
        connection.execute(
            "insert into core.fct_measure_point select * replace (false as is_latest, 7 as value) "
            "from core.fct_measure_point where point_id = 'point 0'"
        )
    return path


def read_back(path: Path) -> list[tuple]:
    mapping = recognise(path, list(mappings()))
    assert isinstance(mapping, Mapping)
    assert mapping.name == "cml_metric"
    table = read(path, mapping, "measure_points", contracts()["measure_points"]).table
    flags = [name for name in table.column_names if name.endswith("__unparsed")]
    assert not any(any(table.column(flag).to_pylist()) for flag in flags)
    return [tuple(row.values()) for row in table.select(POINT).to_pylist()]


def by_key(points: list[tuple]) -> list[tuple]:
    return sorted(points, key=lambda each: tuple(map(str, each[:5])))


def test_cml_comes_back_as_the_points_that_were_written(mart: Path, tmp_path: Path) -> None:
    counts = export_cml(mart, tmp_path / "cml")
    assert counts == {"metric.parquet": 6, "dimension.parquet": 5}
    assert by_key(read_back(tmp_path / "cml" / "metric.parquet")) == by_key(POINTS)


def with_hashed_ids(table: pa.Table) -> pa.Table:
    """A CML table whose dimensions have ids that say nothing, as other libraries write them."""
    at = table.column_names.index("metric_dimension_id")
    ids = [md5(text.encode()).hexdigest() for text in table.column(at).to_pylist()]
    return table.set_column(at, "metric_dimension_id", pa.array(ids))


@pytest.mark.parametrize("file_type", ["parquet", "csv"])
def test_cml_with_its_dimensions_comes_back_whatever_the_ids_are(
    mart: Path, tmp_path: Path, file_type: str
) -> None:
    export_cml(mart, tmp_path)
    with zipfile.ZipFile(tmp_path / "cml metric.zip", "w") as archive:
        for name in ("metric", "dimension"):
            table, stream = with_hashed_ids(pq.read_table(tmp_path / f"{name}.parquet")), BytesIO()
            (pq.write_table if file_type == "parquet" else pa_csv.write_csv)(table, stream)
            archive.writestr(f"{name}.{file_type}", stream.getvalue())
    assert by_key(read_back(tmp_path / "cml metric.zip")) == by_key(POINTS)


def metric_csv(*ids: str) -> str:
    rows = [f"D{at},waits,{each},ZZ1,trust,{at},2026-04-01,2026-05-14" for at, each in enumerate(ids)]
    header = (
        "datapoint_id,metric_id,metric_dimension_id,location_id,location_type,metric_value,"
        "reporting_period_start_datetime,publication_date"
    )
    return "\n".join([header, *rows, ""])


def zipped_cml(path: Path, dimensions: str, *ids: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data_out/metric.csv", metric_csv(*ids))
        archive.writestr("data_out/dimensions.csv", dimensions)
    return path


def test_dimensions_of_others_are_spelled_out_and_an_unknown_id_stays(tmp_path: Path) -> None:
    """One row a data point and one column a dimension, as NHS England's conversion writes the table."""
    dimensions = (
        "datapoint_id,metric_dimension_id,dimension_id,dimension_count,Ethnicity,Age\n"
        "D0,w_1,1,0,all_Ethnicity,all_Age\nD1,w_2,2,1,White,all_Age\nD2,w_3,3,2,Asian,80+\nD3,w_3,3,2,Asian,80+\n"
    )
    found = read_back(zipped_cml(tmp_path / "metric.zip", dimensions, "w_1", "w_2", "w_3", "w_9"))
    assert [dict(zip(POINT, each, strict=True))["stratum"] for each in found] == [
        "all",
        "Ethnicity: White",
        "Ethnicity: Asian; Age: 80+",
        "w_9",
    ]


@pytest.mark.parametrize(
    ("dimensions", "code", "place"),
    [
        (
            "metric_dimension_id,Age\na,80+\na,0-4\n",
            "CONTRADICTING_DIMENSIONS",
            "table 'data_out/dimensions.csv', row 2",
        ),
        ("dimension_id,Age\na,80+\n", "OTHER_LAYOUT", "table 'data_out/dimensions.csv'"),
        ("", "EMPTY_FILE", "table 'data_out/dimensions.csv'"),
        ('metric_dimension_id,Age\na,"80\n', "UNTERMINATED_QUOTE", "table 'data_out/dimensions.csv', line 2"),
    ],
)
def test_dimensions_that_say_nothing_certain_are_refused(
    tmp_path: Path, dimensions: str, code: str, place: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_back(zipped_cml(tmp_path / "metric.zip", dimensions, "a"))
    assert (caught.value.code, caught.value.place) == (code, place)


def test_cml_as_csv_is_for_people_and_cannot_run(mart: Path, tmp_path: Path) -> None:
    export_cml(mart, tmp_path / "cml", "csv")
    found = by_key(read_back(tmp_path / "cml" / "metric.csv"))
    guarded = [(*each[:3], "'=1+1", *each[4:]) if each[3] == "=1+1" else each for each in POINTS]
    assert found == by_key(guarded)


def test_cml_has_its_columns_and_spells_dimensions_out(mart: Path, tmp_path: Path) -> None:
    export_cml(mart, tmp_path)
    metric = pq.read_table(tmp_path / "metric.parquet")
    assert metric.column_names == [
        "datapoint_id",
        "metric_id",
        "metric_dimension_id",
        "location_id",
        "location_type",
        "metric_value",
        "reporting_period_start_datetime",
        "last_record_timestamp",
        "publication_date",
        "last_ingest_timestamp",
        "additional_metric_values",
    ]
    rows = {row["datapoint_id"]: row for row in metric.to_pylist()}
    assert rows["point 0"]["location_type"] == "nhs-trust"
    assert rows["point 4"]["location_type"] == "organisation"
    dimensions = {
        row.pop("metric_dimension_id"): row
        for row in pq.read_table(tmp_path / "dimension.parquet").to_pylist()
    }
    assert dimensions.keys() == set(metric.column("metric_dimension_id").to_pylist())
    assert dimensions["all"] == {"dimension_count": 0, "unit": "all_unit", "stratum": "all_stratum"}
    assert dimensions["unit:W2|80+"] == {"dimension_count": 2, "unit": "W2", "stratum": "80+"}


def test_measures_for_improvement_stay_unless_they_are_asked_for(mart: Path, tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "home"), "export", "--format", "cml", "--out"]
    assert CliRunner().invoke(main, [*home, str(tmp_path / "a")]).output.startswith("6 rows")
    assert (
        CliRunner()
        .invoke(main, [*home, str(tmp_path / "b"), "--with-improvement"])
        .output.startswith("7 rows")
    )


def test_a_unit_that_cml_cannot_name_is_said(mart: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(mart)) as connection:
        connection.execute("update core.fct_measure_point set unit_code = 'a|b' where point_id = 'point 1'")
    with pytest.raises(NotForCml, match="1 points"):
        export_cml(mart, tmp_path / "cml")
    assert not (tmp_path / "cml").exists()


QUERY = "select '=1+1' as \"@name\", -5 as number, date '2026-04-01' as day"


def test_an_answer_in_every_format(mart: Path, tmp_path: Path) -> None:
    for ending in ("csv", "xlsx", "parquet"):
        assert export_answer(mart, QUERY, ending, tmp_path / f"out.{ending}") == 1
    assert (tmp_path / "out.csv").read_text("utf-8") == "'@name,number,day\n'=1+1,-5,2026-04-01\n"
    sheet = CalamineWorkbook.from_path(str(tmp_path / "out.xlsx")).get_sheet_by_index(0).to_python()
    assert sheet == [["@name", "number", "day"], ["=1+1", -5, date(2026, 4, 1)]]
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [
        {"@name": "=1+1", "number": -5, "day": date(2026, 4, 1)}
    ]


def test_a_workbook_says_what_it_is_and_what_not_to_trust(mart: Path, tmp_path: Path) -> None:
    query = "select value, value * 2 as twice from core.fct_measure_point as points where is_latest"
    export_answer(mart, query, "xlsx", tmp_path / "out.xlsx")
    book = CalamineWorkbook.from_path(str(tmp_path / "out.xlsx"))
    assert book.sheet_names == ["answer", "notes"]
    assert book.get_sheet_by_name("notes").to_python() == [
        ["about", "what", "note"],
        ["release", "R1", "The mart as of 16 May 2026, published 16 May 2026, 04:00 (UTC)."],
        ["release", "SYNTHETIC", "All or part of the data is made up."],
        ["question", "SQL", query],
        ["column", "value", "The value. (core.fct_measure_point)"],
        [
            "do not trust blindly",
            "last news of measure_points",
            "days since it was accepted, on the day of the release: 2",
        ],
        ["do not trust blindly", "quarantine of measure_points", "lines that wait and are in no number: 1"],
        ["do not trust blindly", "refused file b.csv", "=1+1"],
        [
            "do not trust blindly",
            "late from ZZ1",
            "periods that are overdue and have not come (unknown, not zero): 1",
        ],
        ["do not trust blindly", "purpose", IMPROVEMENT],
    ]


def test_what_cannot_be_written_leaves_what_was_there(mart: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    target.write_text("before", encoding="utf-8")
    with pytest.raises(TooLargeForSheet):
        export_answer(mart, "select repeat('x', 40000) as text", "xlsx", target)
    assert target.read_text("utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["core.dim_measure"], "Give a query and --out"),
        (["core.dim_measure", "--out", "x.txt"], "Give a query and --out"),
        (["core.dim_measure", "--format", "cml"], "it takes no query"),
        (["core.nothing", "--out", "x.csv"], "Table with name nothing does not exist"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(
    mart: Path, tmp_path: Path, monkeypatch, arguments, words
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["--home", str(tmp_path / "home"), "export", *arguments])
    assert result.exit_code != 0
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "x.csv").exists()


def test_a_table_is_exported_by_its_name(mart: Path, tmp_path: Path) -> None:
    target = tmp_path / "measures.csv"
    result = CliRunner().invoke(
        main, ["--home", str(tmp_path / "home"), "export", "core.dim_measure", "--out", str(target)]
    )
    assert result.output == f"2 rows  {target}\n"
    assert target.read_text("utf-8").splitlines()[0] == "measure_id,purpose,is_latest"
