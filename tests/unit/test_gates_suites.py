"""The suites that contracts become, as text, so that a change of any rule shows in review.

After a wanted change write the texts anew: `python -m tests.unit.test_gates_suites`.
"""

from pathlib import Path

import pytest

from pipelines.extracts.contract import Contract
from pipelines.gates.suite import build_suite
from tests.unit.gate_cases import CONTRACTS

TEXTS = Path(__file__).parent / "gate_suites"
OWN_KEYS = ("meta", "notes", "severity", "row_condition")


def text_of(contract: Contract) -> str:
    """One line a rule: code, column, action, expectation with its arguments, and its rows."""
    lines = []
    for rule, expectation in zip(
        contract.all_rules, build_suite(contract.all_rules).expectations, strict=True
    ):
        configuration = expectation.configuration
        arguments = {key: value for key, value in configuration.kwargs.items() if key not in OWN_KEYS}
        condition = getattr(expectation, "row_condition", None)
        where = f" where {condition!r}" if condition else ""
        retry = " retry" if rule.retry else ""
        lines.append(
            f"{rule.code} [{contract.column_name_of(rule) or 'file'}] {rule.action}{retry}: "
            f"{configuration.type} {arguments}{where}"
        )
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_suite_is_what_was_reviewed(path: Path) -> None:
    assert text_of(CONTRACTS[path.stem]) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_every_expectation_carries_its_code(contract: Contract) -> None:
    expectations = build_suite(contract.all_rules).expectations
    codes = [expectation.meta["code"] for expectation in expectations if expectation.meta]
    assert codes == [rule.code for rule in contract.all_rules]


if __name__ == "__main__":
    for name, contract in CONTRACTS.items():
        (TEXTS / f"{name}.txt").write_text(text_of(contract), encoding="utf-8")
