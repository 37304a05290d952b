"""What several unit tests share."""

import pytest

from tests.spc_models import SpcModels


@pytest.fixture(scope="session")
def spc_models(tmp_path_factory: pytest.TempPathFactory) -> SpcModels:
    """The compiled models of control charts."""
    return SpcModels(tmp_path_factory.mktemp("spc"))
