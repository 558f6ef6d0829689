"""Log lines: JSON, one a line, through structlog. The only module that imports it."""

from collections.abc import Callable, Mapping
from typing import BinaryIO

import orjson
import structlog

Write = Callable[[str, Mapping[str, str | int | float]], None]


def line_writer(stream: BinaryIO) -> Write:
    """Return what writes one line to `stream`: event name first, then the fields as given.

    Nothing global is configured: two writers do not know each other.
    """
    logger = structlog.wrap_logger(
        structlog.BytesLogger(stream),
        processors=[structlog.processors.JSONRenderer(serializer=_serialised)],
        wrapper_class=structlog.BoundLogger,
    )

    def write(name: str, values: Mapping[str, str | int | float]) -> None:
        logger.msg(name, **values)

    return write


def _serialised(values: dict[str, object], **_: object) -> bytes:
    return orjson.dumps(values)
