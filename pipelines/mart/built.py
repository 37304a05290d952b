"""What the warehouse was built from, and so how much of it tonight must build.

Belongs here: the note that a finished build leaves, and the comparison with tonight. Does not belong here:
which tables depend on the day (`pipelines.mart.manifest`) and the building (`pipelines.defs.warehouse`).
"""

import json
from datetime import date
from enum import StrEnum
from pathlib import Path

from pipelines.lake.durable import write_text
from pipelines.lake.ledger import LedgerRow
from pipelines.mart.manifest import MANIFEST, project_digest
from pipelines.mart.publish import verdicts_file
from pipelines.mart.verdicts import error_tests, failed_tests, missing_verdicts, read_verdicts
from pipelines.settings import Settings


class Work(StrEnum):
    """How much of the warehouse a night builds.

    `DAY`: the tables that speak of the day or of earlier releases. `NOTHING`: the warehouse is as it must be.
    """

    WHOLE = "whole"
    DAY = "day"
    NOTHING = "nothing"


def built_by_file(settings: Settings) -> Path:
    """Holds the hash of the models that built the warehouse; absent while a full build runs."""
    return settings.build_path / "built_by.sha256"


def newest_load_id(ledger: list[LedgerRow]) -> str | None:
    """The last load that the lake knows, None before the first."""
    return ledger[-1].load_id if ledger else None


def forget_built(settings: Settings) -> None:
    """Before dbt changes a table: until the build has ended, nobody knows what the warehouse holds."""
    _note(settings).unlink(missing_ok=True)


def record_built(settings: Settings, last_load_id: str | None, as_of_date: date) -> None:
    """Note that a build has ended that took in every load up to `last_load_id`, as of `as_of_date`. Its views
    hold the path of the home."""
    facts = {
        "last_load_id": last_load_id,
        "as_of_date": as_of_date.isoformat(),
        "home": settings.home_path.as_posix(),
        "own_organisation": settings.own_organisation,
    }
    write_text(json.dumps(facts), _note(settings))


def work_tonight(settings: Settings, last_load_id: str | None) -> Work:
    """How much must be built when no load comes after `last_load_id` tonight.

    Whatever a build may depend on and cannot be compared here (a killed build, changed models, a home that
    was moved, another own organisation, a test that failed or never ran) means `WHOLE`.
    """
    note, built_by = _note(settings), built_by_file(settings)
    if not (settings.warehouse_file.exists() and note.exists() and built_by.exists()):
        return Work.WHOLE
    built = json.loads(note.read_text(encoding="utf-8"))
    verdicts, tests = read_verdicts(verdicts_file(settings)), error_tests(MANIFEST)
    is_usable = (
        built["last_load_id"] == last_load_id
        and built.get("home") == settings.home_path.as_posix()
        and built.get("own_organisation") == settings.own_organisation
        and built_by.read_text(encoding="utf-8") == project_digest()
        and not failed_tests(verdicts, tests)
        and not missing_verdicts(verdicts, tests)
    )
    if not is_usable:
        return Work.WHOLE
    return Work.NOTHING if built["as_of_date"] == settings.clock().date().isoformat() else Work.DAY


def _note(settings: Settings) -> Path:
    return settings.build_path / "built_from.json"
