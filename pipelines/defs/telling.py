"""When a step of the night fails, whoever reads the mart or the pages is told."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipelines.faults import Stopped
from pipelines.mart.publish import telling_analysts
from pipelines.progress import PROGRESS
from pipelines.report.swap import refresh_site
from pipelines.settings import Settings

LOGGER = logging.getLogger(__name__)


@contextmanager
def telling_readers(settings: Settings, run_id: str, step: str) -> Iterator[None]:
    """As `telling_analysts`; the pages of the release that stays also say that it is not tonight's."""
    try:
        with telling_analysts(settings, run_id, step):
            yield
    except Exception:
        if settings.report:
            _say_on_pages(settings)
        raise


def _say_on_pages(settings: Settings) -> None:
    try:
        refresh_site(settings, PROGRESS.info)
    except (OSError, duckdb.Error, Stopped) as second:
        # On a full disk not even this can be written; the failure itself must not be hidden by it.
        LOGGER.error("The pages could not be told of the failure (%s).", type(second).__name__)
