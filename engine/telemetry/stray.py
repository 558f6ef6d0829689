"""What libraries log and what nobody caught: told as events, without their words.

A message of asyncio, uvicorn or an exception may quote what it was working on, and that is patient
data here. So only three things get out: which library, the exception's class, and the last line of
our own code on the way. Installed once per process, by the role that owns it.
"""

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType
from typing import ClassVar

OWN = ("engine", "channels", "mpi")


@dataclass(frozen=True, slots=True)
class StrayRecord:
    name: ClassVar[str] = "stray-record"
    text: ClassVar[str] = "a library reported a problem; its words are withheld"
    level: ClassVar[str] = "warning"

    logger: str
    error: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Uncaught:
    name: ClassVar[str] = "uncaught"
    text: ClassVar[str] = "an exception nobody caught; its words are withheld"
    level: ClassVar[str] = "error"

    error: str
    place: str = ""


Emit = Callable[[StrayRecord | Uncaught], None]


class _Handler(logging.Handler):
    def __init__(self, emit: Emit) -> None:
        super().__init__(logging.WARNING)
        self._emit = emit

    def emit(self, record: logging.LogRecord) -> None:
        kind, _, trace = record.exc_info or (None, None, None)
        self._emit(StrayRecord(record.name, kind.__name__ if kind else "", place_of(trace)))


def capture_strays(emit: Emit) -> Callable[[], None]:
    """Send library logs and uncaught exceptions to `emit`; returns what undoes it."""
    root = logging.getLogger()
    before = (root.handlers[:], sys.excepthook, threading.excepthook)
    root.handlers[:] = [_Handler(emit)]

    def uncaught(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
        emit(Uncaught(kind.__name__, place_of(trace)))

    def uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        emit(Uncaught(args.exc_type.__name__, place_of(args.exc_traceback)))

    def undo() -> None:
        root.handlers[:], sys.excepthook, threading.excepthook = before

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
    return undo


def place_of(trace: TracebackType | None) -> str:
    """Return the deepest line of our own code as `engine/mapping/run.py:112`, or nothing."""
    place = ""
    while trace is not None:
        parts = PurePath(trace.tb_frame.f_code.co_filename).parts
        start = next((at for at, part in enumerate(parts) if part in OWN), None)
        if start is not None:
            place = f"{'/'.join(parts[start:])}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
