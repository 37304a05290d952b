"""Where things lie in the lake, and the shape of the tables that the lake keeps about itself.

The lake is plain Parquet, append-only, one folder a load. A load is committed by its ledger row:
what has no ledger row never happened.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

FIRST_LOAD = "L0000000"
FIRST_RELEASE = "R0000000"
PART = "part-0.parquet"

LEDGER = pa.schema(
    [
        ("run_id", pa.string()),
        ("extract", pa.string()),
        ("mapping", pa.string()),
        ("source_system", pa.string()),
        ("file_path", pa.string()),
        ("file_name", pa.string()),
        ("file_sha256", pa.string()),
        ("file_bytes", pa.int64()),
        ("file_mtime_ns", pa.int64()),
        ("edition", pa.string()),
        ("published_on", pa.date32()),
        ("received_at", pa.timestamp("us")),
        ("loaded_at", pa.timestamp("us")),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("rows_received", pa.int64()),
        ("rows_accepted", pa.int64()),
        ("rows_quarantined", pa.int64()),
        ("rows_refused", pa.int64()),
        ("rows_ignored", pa.int64()),
        ("records_accepted", pa.int64()),
        ("records_quarantined", pa.int64()),
        ("retry_of", pa.string()),
        ("is_synthetic", pa.bool_()),
        ("mapping_sha256", pa.string()),
        ("contract_sha256", pa.string()),
        ("code_version", pa.string()),
        ("lake_files", pa.string()),
        ("gate_sha256", pa.string()),
        # How a text was read; of other files null.
        ("encoding", pa.string()),
        ("delimiter", pa.string()),
        # Of a zip file that holds several known tables: this load's table, and the mappings of all of them.
        ("file_table", pa.string()),
        ("file_mappings", pa.string()),
    ]
)

GATE_RESULTS = pa.schema(
    [
        ("extract", pa.string()),
        ("code", pa.string()),
        ("column_name", pa.string()),
        ("category", pa.string()),
        ("action", pa.string()),
        ("is_passed", pa.bool_()),
        ("rows_checked", pa.int64()),
        ("rows_failed", pa.int64()),
        ("message", pa.string()),
        ("reason", pa.string()),
        ("owner", pa.string()),
        ("remedy", pa.string()),
    ]
)

QUARANTINED_ROWS = pa.schema(
    [
        ("extract", pa.string()),
        ("origin_load_id", pa.string()),
        ("source_row", pa.int64()),
        # The first of the lines that go together because they were added up; of others the line itself.
        ("source_unit", pa.int64()),
        ("code", pa.string()),
        ("column_name", pa.string()),
        ("event", pa.string()),
    ]
)

# Lines of a file that were added up, see `pipelines.gates.units`; of a line that stands alone nothing.
UNITS = pa.schema([("source_row", pa.int64()), ("source_unit", pa.int64())])

# What a file looks like as a whole, see `pipelines.gates.profile`. A row without a column is about the file,
# one without a category about the column.
PROFILES = pa.schema(
    [
        ("extract", pa.string()),
        ("column_name", pa.string()),
        ("category", pa.string()),
        ("records", pa.int64()),
        ("filled", pa.int64()),
        ("different", pa.int64()),
        ("earliest", pa.date32()),
        ("latest", pa.date32()),
    ]
)

RELEASES = pa.schema(
    [
        ("release_id", pa.string()),
        ("published_at", pa.timestamp("us")),
        ("as_of_date", pa.date32()),
        ("run_id", pa.string()),
        ("code_version", pa.string()),
        ("loads", pa.int64()),
        ("first_load_id", pa.string()),
        ("last_load_id", pa.string()),
        ("rows_received", pa.int64()),
        ("rows_accepted", pa.int64()),
        ("rows_quarantined", pa.int64()),
        ("rows_refused", pa.int64()),
        ("rows_ignored", pa.int64()),
        ("checks_passed", pa.int64()),
        ("checks_failed", pa.int64()),
        ("tables", pa.int64()),
        ("contains_synthetic", pa.bool_()),
    ]
)

PUBLISHED_ICONS = pa.schema(
    [
        ("release_id", pa.string()),
        ("published_at", pa.timestamp("us")),
        ("series_id", pa.string()),
        ("measure_id", pa.string()),
        ("organisation_code", pa.string()),
        ("unit_code", pa.string()),
        ("stratum", pa.string()),
        ("rule_set_id", pa.string()),
        ("chart_type", pa.string()),
        ("variation_icon", pa.string()),
        ("assurance_icon", pa.string()),
        ("last_period_start", pa.date32()),
        ("is_shown", pa.bool_()),
    ]
)

METRIC_KEY = pa.schema(
    [
        ("metric_id", pa.string()),
        ("organisation_code", pa.string()),
        ("unit_code", pa.string()),
        ("measure_id", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("stratum", pa.string()),
    ]
)
METRIC_SAYS = pa.schema(
    [
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
PUBLISHED_METRICS = pa.schema(
    [
        ("release_id", pa.string()),
        ("published_at", pa.timestamp("us")),
        ("metric_result_id", pa.string()),
        *METRIC_KEY,
        *METRIC_SAYS,
        ("is_shown", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Lake:
    """The folders of one lake."""

    root: Path

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    @property
    def gate_results(self) -> Path:
        return self.root / "gate_results"

    @property
    def quarantined_rows(self) -> Path:
        return self.root / "quarantined_rows"

    @property
    def units(self) -> Path:
        return self.root / "units"

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def published_icons(self) -> Path:
        """Icons that a release shows for the first time; they count once the release is noted."""
        return self.root / "published_icons"

    @property
    def published_metrics(self) -> Path:
        """Results of metrics that a release shows first; they count once the release is noted."""
        return self.root / "published_metrics"

    @property
    def staging(self) -> Path:
        """Loads being written; nothing reads it and every run empties it."""
        return self.root / "staging"

    def accepted(self, extract: str) -> Path:
        return self.root / "accepted" / extract

    def quarantine(self, extract: str) -> Path:
        return self.root / "quarantine" / extract


def load_folder(parent: Path, load_id: str) -> Path:
    return parent / f"load_id={load_id}"


def release_part(parent: Path, release_id: str) -> Path:
    return parent / release_id / PART


def load_number(load_id: str) -> int:
    return int(load_id[1:])


def load_name(number: int) -> str:
    return f"L{number:07d}"


def release_number(release_id: str) -> int:
    return int(release_id[1:])


def release_name(number: int) -> str:
    return f"R{number:07d}"
