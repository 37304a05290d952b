"""The shape of a result: one row a metric, organisation, unit, measure, period and stratum."""

import pandas as pd
import pyarrow as pa

KEY = ("metric_id", "organisation_code", "unit_code", "measure_id", "period_start", "period_end", "stratum")

RESULTS = pa.schema(
    [
        ("calculation_id", pa.string()),
        ("fingerprint", pa.string()),
        ("metric_id", pa.string()),
        ("organisation_code", pa.string()),
        ("unit_code", pa.string()),
        ("measure_id", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("stratum", pa.string()),
        ("value", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("numerator", pa.float64()),
        ("denominator", pa.float64()),
        ("n", pa.int64()),
        ("p_value", pa.float64()),
        ("homogeneity_p_value", pa.float64()),
        ("method", pa.string()),
        ("suppression_reason", pa.string()),
    ]
)
TEXTS = tuple(field.name for field in RESULTS if field.type == pa.string())
DATES = ("period_start", "period_end")
# The last digits of a sum depend on the order and the place in memory of what is summed.
DECIMALS = 10


def shaped(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with exactly the columns of a result, what it lacks being empty."""
    return frame.reindex(columns=RESULTS.names)


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """Results as Arrow, rounded to `DECIMALS`; NaN becomes null."""
    columns = []
    for field in RESULTS:
        values = frame[field.name]
        if field.name in TEXTS:
            array = pa.array([None if pd.isna(value) else str(value) for value in values], pa.string())
        elif field.name in DATES:
            dates = pd.to_datetime(values).dt.date
            array = pa.array([None if pd.isna(value) else value for value in dates], pa.date32())
        else:
            numbers = pd.to_numeric(values).astype("float64").round(DECIMALS)
            array = pa.array(numbers, pa.float64(), from_pandas=True)
        columns.append(array.cast(field.type))
    return pa.table(columns, schema=RESULTS)
