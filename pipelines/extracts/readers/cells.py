"""What every reader yields: the cells of one table, each row with its place in the file.

Belongs here: the shape that readers and mappings share. Does not belong here: anything about one format.
"""

from dataclasses import dataclass, field
from datetime import date

from pipelines.extracts.faults import UnreadableFile
from pipelines.extracts.readers.line_numbers import Malformed
from pipelines.extracts.vocabulary import Sheet

# What people and programs put around a value without meaning it; the last is a byte-order mark gone astray.
BLANKS = " \t\r\n\u00a0\u200b\ufeff"

TEXT = "VARCHAR"
MAX_COLUMNS = 4096


@dataclass(frozen=True)
class Layout:
    """What has to be known before a file can be read: header or not, the names that it must have or the
    `widths` that a file without may have; of texts the delimiter and encoding (None: to be found out;
    `usual_delimiter` is that of the file's ending), and where in a workbook the table lies. `decimal` is the
    mark that texts have before decimals; numbers that are no text are written with it too.
    """

    delimiter: str | None = None
    has_header: bool = True
    header: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()
    usual_delimiter: str | None = None
    encoding: str | None = None
    decimal: str = "."
    sheet: Sheet = field(default_factory=Sheet)


@dataclass(frozen=True)
class Cells:
    """The cells of a file, in the DuckDB table or view `cells` of the connection they were read with.

    It has the columns c0, c1, ... in the file's order and `source_row` bigint, in the file's order of rows.
    Text is trimmed, and null where nothing is left; `types` holds the DuckDB type of each column.
    `malformed_rows` are those that could not be split into cells; they are not in it.

    Of a text: the `encoding` and `delimiter` it was read with. Of a workbook: `sheet` is the sheet's name,
    `first_column` where c0 stands in it (from 0), `notes` what the mapping wants from above the table,
    `rows_below` how many rows that are not blank follow the table, `serial_days_from` the day that its dates
    count from, when they are written as numbers.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: int
    malformed_rows: Malformed = field(default_factory=Malformed)
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    first_column: int = 0
    notes: dict[str, str | None] = field(default_factory=dict)
    rows_below: int = 0
    serial_days_from: date | None = None


def clean_name(name: str) -> str:
    """A header name as it is compared: trimmed, runs of blanks made one, case ignored."""
    return " ".join(name.strip(BLANKS).replace("\u00a0", " ").split()).casefold()


def check_names(names: list[str], place: str) -> None:
    """Refuse a header in which a name stands twice, because a cell then has no certain meaning.

    Blank names may repeat. Positions are reported, not names: the first line may hold data.

    Raises:
        UnreadableFile: DUPLICATE_COLUMN.
    """
    seen: dict[str, int] = {}
    for position, name in enumerate(map(clean_name, names), start=1):
        if name and name in seen:
            raise UnreadableFile(
                "DUPLICATE_COLUMN",
                place,
                f"Columns {seen[name]} and {position} have the same name.",
                "Give every column a name of its own and deliver the file again.",
            )
        seen[name] = position


def too_many_columns(width: int) -> UnreadableFile:
    """A table is wider than any that is read."""
    return UnreadableFile(
        "TOO_MANY_COLUMNS",
        "file",
        f"The table has {width:,} columns; up to {MAX_COLUMNS:,} are read.",
        "Deliver only the columns that are needed, or one line a value instead of one column a value.",
    )


def empty_file(place: str) -> UnreadableFile:
    """There is nothing in a file, or in its table."""
    return UnreadableFile(
        "EMPTY_FILE", place, "There is nothing in it.", "Export the file again and check its size."
    )


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def trimmed(column: str, blanks: str = BLANKS) -> str:
    """SQL for a text column without the blanks around it, null where nothing is left."""
    return (
        f"nullif(trim({column}, {literal(blanks)}), '')" if blanks != " " else f"nullif(trim({column}), '')"
    )
