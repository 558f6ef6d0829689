"""Real processes on a folder of their own; whatever a test does, none of them outlives it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.place import Daemon, write_region
from tests.chaos.wire import Line


@pytest.fixture
def region(tmp_path: Path) -> Path:
    """Return the file of a region that runs nowhere yet."""
    return write_region(tmp_path)


@pytest.fixture
def daemon_of() -> Iterator[Callable[..., Daemon]]:
    """Return what makes daemons that end with the test."""
    made: list[Daemon] = []

    def make(region: Path, environment: Mapping[str, str] | None = None, **more: Any) -> Daemon:
        made.append(Daemon(region, environment or {}, **more))
        return made[-1]

    yield make
    for daemon in made:
        daemon.end()


@pytest.fixture(scope="session")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Run one region for all tests that do it no harm.

    Frames of mercy end at 100,000 bytes, lakeside has to number its messages.
    """
    changes = {
        "sites": {"lakeside": {"require_control_id": True}},
        "channels": {"mercy-hl7": {"max_frame_bytes": 100_000}},
    }
    daemon = Daemon(write_region(tmp_path_factory.mktemp("steady"), changes))
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.end()


@pytest.fixture
def mercy(steady: Daemon) -> Iterator[Line]:
    """Return a connection to mercy's channel of the steady region."""
    line = Line(lambda: steady.address("mercy-hl7"))
    yield line
    line.close()


@pytest.fixture
def hilltop(steady: Daemon) -> Iterator[Line]:
    line = Line(lambda: steady.address("hilltop-hl7"))
    yield line
    line.close()
