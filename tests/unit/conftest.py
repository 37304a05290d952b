"""What several unit tests share."""

import pytest

from tests.spc_models import SpcModels


@pytest.fixture(scope="session")
def spc_models(tmp_path_factory: pytest.TempPathFactory) -> SpcModels:
    """The compiled models of control charts."""
    folder = tmp_path_factory.mktemp("spc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QI_LAKE", str(folder / "lake"))
        patch.setenv("QI_BUILD", str(folder))
        patch.setenv("QI_WAREHOUSE", str(folder / "warehouse.duckdb"))
        return SpcModels(folder)
