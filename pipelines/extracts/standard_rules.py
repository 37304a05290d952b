"""The rules every contract gets from its columns, grain and lookups, so that no contract repeats them.

They have the same form as the rules written in a contract and run in the same way. Some look at columns
derived for them: `<column>__unparsed`, `<column>__is_total`, `<column>__personal` and the duplicate flags
named below (see `pipelines.gates.derive`).
"""

from collections.abc import Iterator

import pyarrow as pa

from pipelines.extracts.contract_columns import Column, ColumnType, Lookup
from pipelines.extracts.contract_rules import Action, Category, Rule, Subject

DUPLICATE_ROW = "duplicate_row"
DUPLICATE_KEY = "duplicate_key"
DUPLICATE_BETWEEN_FILES = "duplicate_between_files"
DUPLICATES = (DUPLICATE_ROW, DUPLICATE_KEY, DUPLICATE_BETWEEN_FILES)

PERSONAL_DATA = "PERSONAL_DATA"

# What rules about history may look at, see `pipelines.gates.profile`: of the file, of a column, of a
# category.
FACTS = {
    "records_ratio": pa.float64(),
    "records_per_key": pa.float64(),
    "alike_groups_share": pa.float64(),
    "stopped_share": pa.float64(),
    "days_late": pa.float64(),
    "filled_kept": pa.float64(),
    "suppressed_risen": pa.float64(),
    "new_share": pa.float64(),
    "gone_share": pa.float64(),
    "shrunk_share": pa.float64(),
    "emptied_share": pa.float64(),
    "season": pa.string(),
}

IN_SET = "expect_column_values_to_be_in_set"

WORDS = {
    ColumnType.INTEGER: "a whole number",
    ColumnType.NUMBER: "a number of at most 100 digits",
    ColumnType.DATE: "a date",
    ColumnType.TIMESTAMP: "a date and time",
    ColumnType.BOOLEAN: "yes or no",
}


def standard_rules(
    columns: tuple[Column, ...], lookups: tuple[Lookup, ...], max_quarantined_share: float, owner: str
) -> tuple[Rule, ...]:
    """The rules of a contract that follow from its shape, in the order in which they are reported."""
    drafts = [
        *(_column_missing(column) for column in columns if column.required),
        *_file_rules(max_quarantined_share),
        *(draft for column in columns for draft in _column_rules(column)),
        *(draft for lookup in lookups for draft in _lookup_rules(lookup)),
        *_duplicate_rules(),
    ]
    return tuple(Rule.model_validate({"owner": owner} | draft) for draft in drafts)


Draft = dict[str, object]


def _flag(column: str, expected: bool) -> Draft:
    return {"expectation": IN_SET, "with": {"column": column, "value_set": [expected]}}


def _column_missing(column: Column) -> Draft:
    return {
        "code": "COLUMN_MISSING",
        "expectation": "expect_column_to_exist",
        "with": {"column": column.name},
        "about": Subject.COLUMNS,
        "category": Category.CONFORMANCE,
        "action": Action.REFUSE_FILE,
        "reason": f"Without the column {column.name} no row can be placed.",
        "remedy": f"Deliver the column {column.name}, or give the layout a mapping of its own.",
    }


def _file_rules(max_quarantined_share: float) -> Iterator[Draft]:
    yield {
        "code": "NO_ROWS",
        "expectation": "expect_table_row_count_to_be_between",
        "with": {"min_value": 1},
        "about": Subject.COLUMNS,
        "category": Category.COMPLETENESS,
        "action": Action.REFUSE_FILE,
        "reason": "A file without rows says nothing, and must not pass for a delivery.",
        "remedy": "Deliver the file again with its rows.",
    }
    yield _flag("reconciles", True) | {
        "code": "CONTROL_TOTAL",
        "about": Subject.CONTROL_TOTALS,
        "category": Category.CONFORMANCE,
        "action": Action.REFUSE_FILE,
        "reason": "The file's own total differs from the sum of its rows, so rows are missing or altered.",
        "remedy": "Deliver the complete file, or correct its total row.",
    }
    yield _flag("is_malformed", False) | {
        "code": "ROW_MALFORMED",
        "about": Subject.SOURCE_ROWS,
        "category": Category.CONFORMANCE,
        "action": Action.QUARANTINE_ROW,
        "reason": "The line does not have the fields its header promises, so its cells cannot be told apart.",
        "remedy": "Quote cells that hold the separator or a line break, and deliver the file again.",
    }
    yield {
        "code": "QUARANTINE_SHARE",
        "expectation": "expect_column_values_to_be_between",
        "with": {"column": "quarantined_share", "max_value": max_quarantined_share},
        "about": Subject.QUARANTINE,
        "category": Category.CONFORMANCE,
        "action": Action.REFUSE_FILE,
        "reason": (
            f"With more than {max_quarantined_share:.0%} of its rows in doubt the whole file is; "
            "rows that only wait for a reference do not count."
        ),
        "remedy": "Look at the rules that most rows failed and deliver a corrected file.",
    }


def _column_rules(column: Column) -> Iterator[Draft]:
    name, stem = column.name, column.name.upper()
    row_rule = {"category": Category.CONFORMANCE, "action": Action.QUARANTINE_ROW}
    if column.required:
        yield row_rule | {
            "code": f"{stem}_MISSING",
            "expectation": "expect_column_values_to_not_be_null",
            "with": {"column": name},
            "category": Category.COMPLETENESS,
            "reason": f"Every row needs {name}.",
            "remedy": f"Fill {name} in every row.",
        }
    if column.type != ColumnType.STRING:
        yield (
            row_rule
            | _flag(f"{name}__unparsed", False)
            | {
                "code": f"{stem}_UNREADABLE",
                "reason": f"What stands in {name} cannot be read as {WORDS[column.type]}.",
                "remedy": f"Write {name} as {WORDS[column.type]}, or leave it empty.",
            }
        )
    if column.allowed is not None:
        yield row_rule | {
            "code": f"{stem}_NOT_ALLOWED",
            "expectation": IN_SET,
            "with": {"column": name, "value_set": list(column.allowed)},
            "reason": f"{name} may only be one of: {', '.join(column.allowed)}.",
            "remedy": f"Use one of the listed words for {name}, spelt the same.",
        }
    yield from _content_rules(column)


def _content_rules(column: Column) -> Iterator[Draft]:
    name = column.name
    if column.identifier:
        yield _flag(f"{name}__is_total", False) | {
            "code": "TOTAL_ROW",
            "category": Category.PLAUSIBILITY,
            "action": Action.QUARANTINE_ROW,
            "reason": "A total row would be counted beside the rows it adds up.",
            "remedy": "Leave total rows out, or name them in the mapping as control totals.",
        }
    if column.free_text:
        yield _flag(f"{name}__personal", False) | {
            "code": PERSONAL_DATA,
            "category": Category.CONFORMANCE,
            "action": Action.REFUSE_FILE,
            "reason": (
                f"{name} holds a valid NHS number, an e-mail address, a telephone number or a postcode; "
                "nothing of the file is kept."
            ),
            "remedy": f"Take every identifier of a person out of {name} and deliver the file again.",
        }


def _lookup_rules(lookup: Lookup) -> Iterator[Draft]:
    thing, stem = lookup.name.replace("_", " "), lookup.name.upper()
    retried = {"action": Action.QUARANTINE_ROW, "retry": True}
    if lookup.reference:
        yield (
            retried
            | _flag(f"{lookup.name}__known", True)
            | {
                "code": f"UNKNOWN_{stem}",
                "category": Category.CONFORMANCE,
                "reason": f"No accepted row of {lookup.extract} has this {thing} yet; the row waits for it.",
                "remedy": f"Deliver {lookup.extract} with it, or correct {' and '.join(lookup.on)}.",
            }
        )
    if lookup.life is not None:
        yield (
            retried
            | _flag(f"{lookup.name}__in_life", True)
            | {
                "code": f"OUTSIDE_{stem}_LIFE",
                "category": Category.PLAUSIBILITY,
                "reason": f"The {thing} is not defined for this period; the row waits until it is.",
                "remedy": f"Correct the period, or deliver {lookup.extract} with a longer life.",
            }
        )


def _duplicate_rules() -> Iterator[Draft]:
    row_rule = {"category": Category.CONFORMANCE, "action": Action.QUARANTINE_ROW}
    yield (
        row_rule
        | _flag(DUPLICATE_ROW, False)
        | {
            "code": "DUPLICATE_ROW",
            "reason": "The same row stands in the file before, alike in every column; the first one is kept.",
            "remedy": "Deliver every row once.",
        }
    )
    yield (
        row_rule
        | _flag(DUPLICATE_KEY, False)
        | {
            "code": "DUPLICATE_KEY",
            "reason": "Rows of the file share a key and differ otherwise, so nobody can tell which is right.",
            "remedy": "Deliver one row a key, or tell the rows apart by their edition.",
        }
    )
    yield (
        row_rule
        | _flag(DUPLICATE_BETWEEN_FILES, False)
        | {
            "code": "DUPLICATE_BETWEEN_FILES",
            "reason": "Another file of the same date and edition brought this key with other content.",
            "remedy": "Withdraw the wrong file, or deliver the right rows as a revised edition.",
        }
    )
