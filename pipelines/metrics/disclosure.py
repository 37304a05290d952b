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
    small = pd.concat([is_small(protected[name]) for name in counts], axis=1).any(axis=1)
    reason = pd.Series(None, index=protected.index, dtype=object)
    reason[small] = SMALL_NUMBER
    is_part = protected["stratum"] != total
    parts = protected[is_part]
    for _, rows in parts.groupby(group, dropna=False, sort=False):
        withheld = small[rows.index]
        totals = _total_of(protected[~is_part], rows.iloc[0], group)
        if withheld.sum() != 1 or not (len(totals) or is_total_known):
            continue
        others = rows.index[~withheld.to_numpy()]
        if len(others):
            smallest = protected.loc[others].sort_values(counts[0]).index[:1]
            reason[smallest] = SECONDARY
        else:
            reason[totals] = SECONDARY
    protected["suppression_reason"] = reason
    for name in counts:
        protected[name] = rounded(protected[name].astype(float)).where(reason.isna())
    return protected


def _total_of(totals: pd.DataFrame, part: pd.Series, group: list[str]) -> pd.Index:
    same = pd.Series(True, index=totals.index)
    for name in group:
        same &= (totals[name] == part[name]) | (totals[name].isna() & pd.isna(part[name]))
    return totals.index[same]
