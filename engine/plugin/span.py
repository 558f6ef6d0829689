"""A span of time in a channel's settings, as people write it: `500ms`, `60s`, `5m`, `1h`."""

import re
from typing import Annotated

from pydantic import AfterValidator

_SPAN = re.compile(r"(\d{1,6})(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(span: str) -> float:
    """Read `60s`. ValueError when it is no span of time."""
    found = _SPAN.fullmatch(span)
    if found is None or int(found[1]) == 0:
        raise ValueError("should be a span of time, as 500ms, 60s, 5m or 1h")
    return int(found[1]) * _SECONDS[found[2]]


def _span(text: str) -> str:
    seconds(text)
    return text


Span = Annotated[str, AfterValidator(_span)]
