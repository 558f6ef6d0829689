from pathlib import Path

import pytest

from mpi.model import Model, load_model
from mpi.survivorship import Rules, load_rules

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def model() -> Model:
    return load_model((ROOT / "mpi" / "data" / "model-default.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules((ROOT / "mpi" / "data" / "survivorship.yaml").read_text(encoding="utf-8"))
