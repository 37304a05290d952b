"""One night over every case of the oracle, fed through the ordinary extracts."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.mart.warehouse import reading
from tests.integration.conftest import Home
from tests.parity.oracle import ORACLE, write_inbox

# The longest cases run into 2028.
AFTER_THE_LAST_POINT = "2030-01-01T00:00:00"


@pytest.fixture(scope="session")
def mart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published mart of that night."""
    assert ORACLE.is_dir(), f"the oracle is missing: {ORACLE}"
    folder = tmp_path_factory.mktemp("oracle")
    home = Home(folder / "inbox", folder / "home")
    write_inbox(home.inbox)
    home.qi("run", now=AFTER_THE_LAST_POINT)
    return home.path / "mart" / "qi_mart.duckdb"


@pytest.fixture(scope="session")
def charts(mart: Path) -> dict[str, pd.DataFrame]:
    """The published tables of schema spc by name."""
    with reading(mart) as connection:
        tables = {
            name: connection.execute(f"select * from spc.{name}").df()
            for name in ("fct_spc_point", "fct_spc_phase", "fct_spc_status")
        }
    tables["fct_spc_point"]["period_start"] = pd.to_datetime(tables["fct_spc_point"]["period_start"])
    return tables
