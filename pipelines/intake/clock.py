"""What time it is for a run, when the machine's clock has jumped since the last load.

Loads are known from the moment they were loaded, so that moment may never go back; and one wrong moment
far ahead would hold back every night after it.
"""

from datetime import datetime, timedelta

from pipelines.faults import Stopped
from pipelines.lake.ledger import LedgerRow
from pipelines.settings import Settings

LONGEST_SLEEP = timedelta(days=400)


class ClockJumped(Stopped):
    """The clock is so far ahead of the last load that it is more likely wrong than right."""


def moment(settings: Settings, ledger: list[LedgerRow]) -> datetime:
    """The clock's moment, or that of the last load where the clock is behind it.

    Raises:
        ClockJumped: more than 400 days have passed since the last load and nobody has set QI_NOW.
    """
    now = settings.clock()
    last = max((row.loaded_at for row in ledger), default=now)
    if settings.now is None and now - last > LONGEST_SLEEP:
        raise ClockJumped(
            f"The clock says {now:%d %B %Y}, {(now - last).days} days after the last load. If that is "
            f"wrong, set the clock right. If it is right, run once with QI_NOW={now.isoformat()}."
        )
    return max(now, last)


def warning(settings: Settings, moment: datetime) -> str | None:
    """What to tell when the clock is behind the last load."""
    now = settings.clock()
    if moment <= now:
        return None
    return (
        f"The clock says {now:%d %B %Y %H:%M}, but the last load was made at {moment:%d %B %Y %H:%M}. This "
        "run's loads are dated by the latter, so that none is known before an earlier one. Set it right."
    )
