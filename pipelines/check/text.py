"""A check as plain lines for a terminal."""

from collections import Counter
from collections.abc import Iterable

from pipelines.check.check import Check, ExtractCheck, FileCheck, Verdict, in_file
from pipelines.gates.gate import RuleResult

LINES_NAMED = 12

WORDS = {
    Verdict.LOADS: "would load",
    Verdict.LOADS_IN_PART: "would load in part",
    Verdict.REFUSED: "would NOT load",
    Verdict.NOT_JUDGED: "could not be judged",
}
FATES = {"refuse_file": "refuses the file", "quarantine_row": "keeps the row out", "warn": "warning only"}


def as_text(check: Check) -> list[str]:
    """Every file with what fails, why, where and what to do; then one line on all files."""
    lines = [line for file in check.files for line in _file(file)]
    if check.compared_with is not None:
        lines.append(f"Compared with what is loaded in {check.compared_with}.")
    return [*lines, total(check)]


def total(check: Check) -> str:
    """How many files would load, and how many not."""
    counts = Counter(file.verdict for file in check.files)
    parts = [f"{counts[verdict]} {words}" for verdict, words in WORDS.items() if counts[verdict]]
    number = len(check.files)
    return f"{number} file{'' if number == 1 else 's'} checked: {', '.join(parts) or 'nothing to check'}."


def counts_of(check: ExtractCheck) -> str:
    """The rows of a file and what would become of them."""
    row = check.row
    text = (
        f"{row.rows_received:,} rows received = {row.rows_accepted:,} accepted + {row.rows_quarantined:,} "
        f"quarantined + {row.rows_refused:,} refused + {row.rows_ignored:,} ignored"
    )
    if check.rows_waiting and check.has_lake:
        text += f"; {check.rows_waiting:,} of the quarantined only wait for what may still be delivered"
    elif check.rows_waiting:
        text += (
            f"; {check.rows_waiting:,} of the quarantined refer to what is not in these files, and load "
            "where it is loaded already"
        )
    return text


def not_checked(check: ExtractCheck) -> str | None:
    """What could not be compared, in one sentence."""
    if not check.not_checked:
        return None
    return (
        f"Not checked here: whether {', '.join(check.not_checked)} that rows refer to exist, because none "
        "are loaded here. Check those files together with this one."
    )


def place(check: ExtractCheck, result: RuleResult) -> str:
    """Which column a rule is about, by the extract's name and, where it is another, by the file's."""
    if result.column_name is None:
        return ""
    own = in_file(result.column_name, check.file_columns)
    if own is None or own == result.column_name:
        return f"column {result.column_name}"
    return f"column {own} of the file ({result.column_name})"


def ranges(numbers: Iterable[int], shown: int | None = None) -> str:
    """Line numbers in short: `2, 5–9 and 12 more`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    named = runs if shown is None else runs[:shown]
    text = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in named)
    left = sum(last - first + 1 for first, last in runs[len(named) :])
    return f"{text} and {left:,} more" if left else text


def _file(file: FileCheck) -> list[str]:
    lines = [f"{file.name}: {WORDS[file.verdict]}"]
    if file.mapping:
        lines.append(f"  recognised as {file.mapping}")
    if file.reason:
        lines.append(f"  {file.reason}")
    return lines + [line for each in file.extracts for line in _extract(each)] + [""]


def _extract(check: ExtractCheck) -> list[str]:
    lines = [f"  {check.title}: {counts_of(check)}"]
    if check.row.verdict == "error":
        lines.append(f"    {check.row.reason}")
    for result in check.results:
        where = " · ".join(part for part in (place(check, result), _lines(check, result)) if part)
        lines += [
            f"    {result.code} ({FATES[result.action]}): {where or result.message}",
            f"      why: {result.reason}",
            f"      do:  {result.remedy}",
        ]
    missing = not_checked(check)
    return [*lines, f"    {missing}"] if missing else lines


def _lines(check: ExtractCheck, result: RuleResult) -> str:
    found = lines_of(check, result)
    if not found:
        return result.message
    return f"{len(set(found)):,} rows, lines {ranges(found, LINES_NAMED)}"


def lines_of(check: ExtractCheck, result: RuleResult) -> list[int]:
    """Lines of the file that fail a rule."""
    return [
        line.line for line in check.lines if (line.code, line.column) == (result.code, result.column_name)
    ]
