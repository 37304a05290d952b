"""The cookbook page: the questions of `dbt_project/analyses/` and the answers of the demo organisation.

Belongs here: writing the questions and every answer into `docs/cookbook.md`, whose other words are written by
hand. Does not belong here: a query or what it means; both stand in the .sql file of the question.

    python -m pipelines.mart.cookbook MART_FILE

The answers come from a mart of synthetic data only. For the same page every time, make that mart by
`qi demo --projects 120 --end 2026-11-20` in an empty inbox, and `qi run` with QI_NOW=2026-11-21T04:00:00.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import duckdb

from pipelines.mart.warehouse import reading
from pipelines.settings import DBT_PROJECT, PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "cookbook.md"
ANALYSES = DBT_PROJECT / "analyses"

QUESTIONS_BEGIN = "<!-- questions: written by python -m pipelines.mart.cookbook -->"
QUESTIONS_END = "<!-- end of questions -->"
# A query, and its answer where one is shown.
QUERY = re.compile(r"```sql\n(?P<sql>.*?)```\n(?:\n```text\n(?P<answer>.*?)```\n)?", re.DOTALL)

ROWS_SHOWN = 8
COLUMNS_SHOWN = 8
TURNED_WIDTH = 150
CELL_WIDTH = 40
TURNED_CELL_WIDTH = 36


@dataclass(frozen=True)
class Question:
    """One question as its .sql file has it. `paragraphs`: how to read the answer, and what to beware of."""

    title: str
    paragraphs: tuple[str, ...]
    sql: str
    path: Path


def read_question(path: Path) -> Question:
    """A question's file: a comment of `Question N: …`, `Read: …` and `Caveats: …`, then one query.

    Raises ValueError when the comment does not begin with the question.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    length = next(at for at, line in enumerate(lines) if not line.startswith("--"))
    comment = [line.removeprefix("--").strip() for line in lines[:length]]
    told = [line for line in comment if line and not line.startswith("depends_on:")]
    found = re.fullmatch(r"Question (\d+): (.+)", told[0])
    if found is None:
        raise ValueError(f"{path.name}: the first line is not `-- Question N: …`")
    text = "\n".join(told[1:])
    paragraphs = re.split(r"\n(?=Read:|Caveats:)", text)
    return Question(
        title=f"{found[1]}. {found[2][0].upper()}{found[2][1:]}",
        paragraphs=tuple(" ".join(paragraph.split()) for paragraph in paragraphs),
        sql="\n".join(lines[length:]) + "\n",
        path=path,
    )


def read_questions() -> list[Question]:
    """Every question of the cookbook, in the order of their numbers."""
    return [read_question(path) for path in sorted(ANALYSES.glob("q*.sql"))]


def written(page: str, questions: Sequence[Question], connection: duckdb.DuckDBPyConnection) -> str:
    """The page with its questions and answers written anew. A query without an answer beside it stays so.

    Raises ValueError when the mart holds data that is not synthetic.
    """
    row = connection.execute("select count(*) from ops.fct_load where not is_synthetic").fetchone()
    if row is None or row[0]:
        raise ValueError("This mart holds data that is not synthetic, which a page must not show.")
    before, rest = page.split(QUESTIONS_BEGIN)
    after = rest.split(QUESTIONS_END)[1]
    sections = "\n".join(_section(question) for question in questions)
    page = f"{before}{QUESTIONS_BEGIN}\n\n{sections}\n{QUESTIONS_END}{after}"
    return QUERY.sub(lambda found: _answered(found, connection), page)


def _section(question: Question) -> str:
    place = question.path.relative_to(PROJECT_ROOT).as_posix()
    words = "\n\n".join(_marked(paragraph) for paragraph in question.paragraphs)
    return (
        f"### {question.title}\n\n{words}\n\n"
        f"`qi sql {place}` ([file](../{place})):\n\n```sql\n{question.sql}```\n\n```text\n```\n"
    )


def _marked(paragraph: str) -> str:
    """A paragraph with names of columns set as code."""
    return re.sub(r"\b[a-z]+(?:[._][a-z]+)+\b", r"`\g<0>`", paragraph)


def _answered(found: re.Match[str], connection: duckdb.DuckDBPyConnection) -> str:
    sql = found["sql"]
    if found["answer"] is None:
        return found[0]
    return f"```sql\n{sql}```\n\n```text\n{answer(sql, connection)}```\n"


def answer(sql: str, connection: duckdb.DuckDBPyConnection) -> str:
    """The first rows of an answer as text; one of many columns is turned, a row standing as a column."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall()
    is_turned = len(names) > COLUMNS_SHOWN
    width = TURNED_CELL_WIDTH if is_turned else CELL_WIDTH
    shown = [[_cut(_text(value), width) for value in row] for row in rows[:ROWS_SHOWN]]
    while is_turned and len(shown) > 1 and max(map(len, _turned(names, shown))) > TURNED_WIDTH:
        shown.pop()
    lines = _turned(names, shown) if is_turned else _aligned([names, *shown])
    count = f"{len(shown)} of {len(rows):,}" if len(shown) < len(rows) else f"{len(rows)}"
    return "\n".join([*lines, f"({count} row{'' if len(rows) == 1 else 's'}, SYNTHETIC)", ""])


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return _number(value)
        case datetime() if value.time() == time():
            return "9999-12-31" if value.year == 9999 else value.date().isoformat()
        case date():
            return str(value)
        case _:
            return " ".join(str(value).split())


def _number(value: float) -> str:
    """Four digits that matter, and of a large number all before the point."""
    return f"{value:.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _turned(names: list[str], rows: list[list[str]]) -> list[str]:
    return _aligned([[name, *values] for name, *values in zip(names, *rows, strict=True)])


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with reading(Path(sys.argv[1])) as connection:
        page = written(PAGE.read_text(encoding="utf-8"), read_questions(), connection)
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    print(PAGE)


if __name__ == "__main__":
    main()
