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
TOTAL = "all"


def is_small(counts: pd.Series) -> pd.Series:
    """Whether each count is from 1 to 7."""
    return (counts > 0) & (counts <= LARGEST_SUPPRESSED)


def rounded(counts: pd.Series) -> pd.Series:
    """Counts to the nearest 5."""
    return (counts / ROUNDED_TO).round() * ROUNDED_TO


def protect(
    frame: pd.DataFrame, group: list[str], counts: list[str], is_total_known: bool = False
) -> pd.DataFrame:
    """`frame` with its `counts` rounded or NaN, and `suppression_reason`: a row is shown or withheld as a
    whole. See `withheld`."""
    small = pd.concat([is_small(frame[name]) for name in counts], axis=1).any(axis=1)
    reason = withheld(frame, group, small, counts[0], is_total_known)
    shown = {name: rounded(frame[name].astype(float)).where(reason.isna()) for name in counts}
    return frame.assign(suppression_reason=reason, **shown)


def withheld(
    frame: pd.DataFrame, group: list[str], small: pd.Series, size: str, is_total_known: bool = False
) -> pd.Series:
    """Why each row is withheld: because it is `small`, or because it would give a small one away
    (`secondary`); None where it is shown.

    Rows of one `group` (null counts as a value) and unit whose stratum is not `TOTAL` are parts of a total;
    whether it `is_total_known` from elsewhere, or only when among the rows, is the caller's to say. Rows
    of one group and stratum that have a unit are parts of the organisation, whose total always counts as
    known. Where exactly one part of a total is withheld, so is the smallest other part, by the column `size`;
    a part of nothing only when there is no other, since it would hide nothing. Where there is no other part,
    the total is withheld.
    """
    reason = pd.Series(None, index=frame.index, dtype=object)
    reason[small] = SMALL_NUMBER
    units = frame["unit_code"] if "unit_code" in frame else pd.Series(None, index=frame.index, dtype=object)
    keyed = frame[group].assign(stratum=frame["stratum"], unit_code=units)
    strata = (keyed.groupby([*group, "unit_code"], dropna=False).ngroup(), keyed["stratum"] != TOTAL)
    splits = [(*strata, is_total_known)]
    if units.notna().any():
        of_units = keyed.groupby([*group, "stratum"], dropna=False).ngroup()
        splits.append((of_units, units.notna(), True))
    order = (frame[size] == 0).astype(float) * frame[size].max() + frame[size]
    before = -1
    while before != (before := int(reason.notna().sum())):
        for number, is_part, is_known in splits:
            _complete(reason, number, is_part, is_known, order)
    return reason


def _complete(
    reason: pd.Series, number: pd.Series, is_part: pd.Series, is_total_known: bool, order: pd.Series
) -> None:
    """Withhold a second part where one alone is withheld, or the total."""
    hidden = reason.notna()
    amount = (hidden & is_part).groupby(number).sum()
    single = set(amount.index[amount == 1])
    if not is_total_known:
        single &= set(number[~is_part])
    open_parts = order[is_part & ~hidden & number.isin(single)].sort_values(kind="stable")
    smallest = open_parts.groupby(number[open_parts.index], sort=False).head(1).index
    reason[smallest] = SECONDARY
    without_others = single - set(number[smallest])
    reason[~is_part & number.isin(without_others) & ~hidden] = SECONDARY
