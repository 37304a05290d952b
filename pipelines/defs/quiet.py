"""A night on which nothing came: which assets it still makes."""

import dagster as dg

from pipelines.defs.release import RELEASE
from pipelines.defs.warehouse import nightly_asset_keys
from pipelines.intake.look import is_quiet
from pipelines.lake.layout import Lake
from pipelines.lake.ledger import read_ledger
from pipelines.mart.built import Work, newest_load_id, work_tonight
from pipelines.mart.manifest import ensure_manifest
from pipelines.mart.publish import is_release_whole
from pipelines.settings import Settings


def quiet_selection(settings: Settings) -> list[dg.AssetKey] | None:
    """The assets to make when nothing new has come: the tables that speak of the day, and the release, which
    is audited every night. None when the whole night must run."""
    if not is_quiet(settings):
        return None
    work = work_tonight(settings, newest_load_id(read_ledger(Lake(settings.lake_path))))
    match work:
        case Work.WHOLE:
            return None
        case Work.NOTHING if is_release_whole(settings):
            return [RELEASE]
        case _:
            # A release that must be written again tells of those before it, which a table of the day holds.
            return [*sorted(nightly_asset_keys(ensure_manifest())), RELEASE]
