"""A time of the week as a region file writes it: `sun 03:00`, `daily 03:00`, `never`. Pure."""

import re

NEVER = "never"
_TIME = re.compile(r"(mon|tue|wed|thu|fri|sat|sun|daily) ([01]\d|2[0-3]):([0-5]\d)")


def read_time(text: str) -> tuple[str, int, int] | None:
    """Read it: day or `daily`, hour, minute; None for `never`. ValueError when it is neither."""
    if text == NEVER:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("should be a time of the week, as sun 03:00 or daily 03:00, or never")
    return found[1], int(found[2]), int(found[3])
