"""Whether a run would take anything in: the same questions as the intake asks, and nothing done about them.

Whatever intake does at the start of a night has its question here, or a night that should do it is taken for
a quiet one.
"""

from pipelines.faults import Stopped
from pipelines.intake.inbox import find_deliveries
from pipelines.intake.night import (
    lake_schemas,
    load_rules,
    read_night,
    read_unsettled,
    unfinished_replacements,
)
from pipelines.intake.plan import Planner, Scope
from pipelines.intake.rejudge import due_loads
from pipelines.intake.retry import is_anything_due
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import is_prepared
from pipelines.lake.seal import unsealed
from pipelines.settings import Settings


def is_quiet(settings: Settings) -> bool:
    """Whether every file of the inbox is settled, nothing waits in quarantine for what has come since, no
    load was judged by other rules than today's, and nothing was left half done.

    Only looks: writes nothing, and reads no file that the ledger knows.
    """
    schemas, lake = lake_schemas(load_rules()[0]), Lake(settings.lake_path)
    if not (settings.inbox_path.is_dir() and is_prepared(lake, schemas)) or unsealed(lake):
        return False
    try:
        night, mappings = read_night(settings, run_id="")
    except Stopped:
        # What stops the night is told, noted and alerted by the night itself.
        return False
    deliveries, unsettled = find_deliveries(settings.inbox_path, night.ledger, night.now)
    if [(file.relative, file.reason) for file in unsettled] != read_unsettled(settings):
        return False
    plan = Planner(mappings, night.contracts, night.ledger, Scope(), night.now).plan(deliveries)
    if plan.tasks or plan.repeats or plan.strangers or plan.failures:
        return False
    return not (unfinished_replacements(night.ledger) or due_loads(night) or is_anything_due(night))
