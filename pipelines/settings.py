"""Every path and switch of QI Mart, read once from the environment (prefix `QI_`) or a `.env` file.

Nothing else in the project reads an environment variable or invents a default path. There is no
fallback from one environment to another: a home folder belongs to one environment.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = PROJECT_ROOT / "expectations"
MAPPINGS = PROJECT_ROOT / "pipelines" / "extracts" / "mappings"
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
AUDIT_BOUNDS = PROJECT_ROOT / "pipelines" / "mart" / "audit.yml"


class Settings(BaseSettings):
    """Settings of one environment. Paths are resolved against the working directory."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, env_prefix="QI_", env_file=".env", extra="ignore", frozen=True
    )

    inbox: Path = Field(default=Path("inbox"), description="Folder of delivered files, read only.")
    home: Path = Field(default=Path("qi_home"), description="Folder of lake, build and mart.")
    now: datetime | None = Field(default=None, description="The clock, for tests and re-runs; UTC.")
    pseudonym_key: SecretStr | None = Field(
        default=None, description="Key of the person pseudonyms; made once under QI_HOME when not given."
    )
    releases_kept: int = Field(default=14, ge=1, description="Releases kept under QI_HOME/mart/releases.")
    report: bool = Field(default=True, description="Make the pages of QI_HOME/site at the end of each run.")
    warehouse_memory: str | None = Field(
        default=None,
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="Most memory for the warehouse, such as 8GB; half of the machine's by default.",
    )
    lock_wait_seconds: float = Field(
        default=5.0, ge=0, description="How long a run waits for another to end."
    )
    own_organisation: str | None = Field(
        default=None,
        description="Code of the organisation whose mart this is: only its local metrics are shown.",
    )
    alert_webhook: str | None = Field(default=None, description="URL told when a run fails.")
    alert_email_to: str | None = Field(
        default=None, description="Address told when a run fails (needs smtp_host)."
    )
    alert_email_from: str = "qi-mart@localhost"
    smtp_host: str | None = None
    smtp_port: int = 25
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        default="none", description="How the connection to smtp_host is protected."
    )
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None

    @property
    def inbox_path(self) -> Path:
        return self.inbox.resolve()

    @property
    def home_path(self) -> Path:
        return self.home.resolve()

    @property
    def lake_path(self) -> Path:
        return self.home_path / "lake"

    @property
    def build_path(self) -> Path:
        return self.home_path / "build"

    @property
    def temporary_path(self) -> Path:
        """What does not fit in memory, and copies of files while they are read; emptied by the next run."""
        return self.build_path / "tmp"

    @property
    def mart_path(self) -> Path:
        return self.home_path / "mart"

    @property
    def warehouse_file(self) -> Path:
        """The nightly run's own DuckDB file, kept from night to night; never read by analysts."""
        return self.build_path / "warehouse.duckdb"

    @property
    def known_good_file(self) -> Path:
        """Sizes and times of the lake's files when they were last found good; spares reading them again."""
        return self.build_path / "lake_files_known_good.parquet"

    @property
    def site_path(self) -> Path:
        """The pages: one folder a release, and `current`, which is the one to open."""
        return self.home_path / "site"

    @property
    def mart_file(self) -> Path:
        """The published DuckDB file that analysts open."""
        return self.mart_path / "qi_mart.duckdb"

    @property
    def dagster_home(self) -> Path:
        return self.home_path / "dagster"

    def clock(self) -> datetime:
        """The present moment in UTC without a time zone (as the lake stores it), to the second."""
        moment = self.now or datetime.now(UTC)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return moment.replace(microsecond=0)
