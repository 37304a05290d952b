"""The shape of a result: one row a metric, organisation, unit, measure, period and stratum.

Its columns are those that the lake keeps of what a release published.
"""

import pandas as pd
import pyarrow as pa

from pipelines.lake.layout import METRIC_KEY, METRIC_SAYS

KEY = tuple(METRIC_KEY.names)
RESULTS = pa.schema(
    [("calculation_id", pa.string()), ("fingerprint", pa.string()), *METRIC_KEY, *METRIC_SAYS]
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
            array = pa.array(values.astype(object), pa.string(), from_pandas=True)
        elif field.name in DATES:
            dates = pd.to_datetime(values).astype("datetime64[s]")
            array = pa.array(dates, pa.timestamp("s"), from_pandas=True)
        else:
            numbers = pd.to_numeric(values).astype("float64").round(DECIMALS)
            array = pa.array(numbers, pa.float64(), from_pandas=True)
        columns.append(array.cast(field.type))
    return pa.table(columns, schema=RESULTS)
