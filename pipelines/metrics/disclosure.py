"""What may be shown of counts of people.

Belongs here: the rule of Hospital Episode Statistics for sub-national counts (NHS Digital, HES analysis
guide): counts from 1 to 7 are suppressed, others are rounded to the nearest 5, and what is computed from a
suppressed count is suppressed. Counts are protected before anything is computed from them, so that no share
gives a count away. Does not belong here: which metrics count people; the catalogue says so (`counts_people`).
"""

import pandas as pd

LARGEST_SUPPRESSED = 7
ROUNDED_TO = 5
SMALL_NUMBER, SECONDARY = "small_number", "secondary"


def is_small(counts: pd.Series) -> pd.Series:
    """Whether each count is from 1 to 7."""
    return (counts > 0) & (counts <= LARGEST_SUPPRESSED)


def rounded(counts: pd.Series) -> pd.Series:
    """Counts to the nearest 5."""
    return (counts / ROUNDED_TO).round() * ROUNDED_TO


def protect(
    frame: pd.DataFrame,
    group: list[str],
    counts: list[str],
    total: str = "all",
    is_total_known: bool = False,
) -> pd.DataFrame:
    """`frame` with its `counts` rounded or NaN, and `suppression_reason`.

    Rows of one `group` (null counts as a value) whose `stratum` is not `total` are parts of a total. Where
    exactly one part of a group is suppressed, the smallest other part is suppressed too (`secondary`), so
    that no total gives it away; where there is no other part, so is the total. That is not needed where no
    total is among the rows, unless it `is_total_known` from elsewhere. A row is shown or withheld as a whole.
    """
    protected = frame.copy()
    reason = pd.Series(None, index=protected.index, dtype=object)
    small = pd.concat([is_small(protected[name]) for name in counts], axis=1).any(axis=1)
    reason[small] = SMALL_NUMBER
    number = protected.groupby(group, dropna=False, sort=False).ngroup()
    is_part = protected["stratum"] != total
    withheld = small[is_part].groupby(number[is_part]).sum()
    single = set(withheld.index[withheld == 1])
    if not is_total_known:
        single &= set(number[~is_part])
    open_parts = protected[is_part & ~small & number.isin(single)].sort_values(counts[0], kind="stable")
    smallest = open_parts.groupby(number[open_parts.index], sort=False).head(1).index
    reason[smallest] = SECONDARY
    without_others = single - set(number[smallest])
    reason[~is_part & number.isin(without_others) & reason.isna()] = SECONDARY
    protected["suppression_reason"] = reason
    for name in counts:
        protected[name] = rounded(protected[name].astype(float)).where(reason.isna())
    return protected
