"""Library logs and uncaught exceptions are told without their words."""

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from engine.core.strict_yaml import plain
from engine.telemetry.stray import StrayRecord, Uncaught, capture_strays, place_of

Seen = list[StrayRecord | Uncaught]


@pytest.fixture
def seen() -> Iterator[Seen]:
    events: Seen = []
    undo = capture_strays(events.append)
    yield events
    undo()


def fail() -> None:
    plain("Quillfeather")  # type: ignore[arg-type]


def test_a_library_s_warning(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("uvicorn", "uvicorn.error"):  # a server that ran before has cut them off
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    logging.getLogger("uvicorn.error").warning("cannot answer %s", "Quillfeather")
    assert seen == [StrayRecord("uvicorn.error")]


def test_what_asyncio_logs_of_a_failed_callback(seen: Seen) -> None:
    async def run() -> None:
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)

    asyncio.run(run())
    (event,) = seen
    assert isinstance(event, StrayRecord)
    assert (event.logger, event.error) == ("asyncio", "AttributeError")
    assert event.place.startswith("engine/core/strict_yaml.py:")


def test_an_exception_of_a_thread(seen: Seen) -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    (event,) = seen
    assert isinstance(event, Uncaught)
    assert event.error == "AttributeError"
    assert "Quillfeather" not in repr(event)


def test_an_exception_of_the_process(seen: Seen) -> None:
    sys.excepthook(ValueError, ValueError("Quillfeather"), None)
    assert seen == [Uncaught("ValueError")]


def test_it_can_be_undone() -> None:
    before = (sys.excepthook, threading.excepthook, logging.getLogger().handlers[:])
    capture_strays(lambda _: None)()
    assert (sys.excepthook, threading.excepthook, logging.getLogger().handlers[:]) == before


def test_no_trace_no_place() -> None:
    assert place_of(None) == ""
