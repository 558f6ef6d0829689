"""The shape of a value, to be shown where the value must not be: `Aaaa 999`.

Letters and digits lose what they are, long runs their length; what is neither a letter nor one of
the usual signs is a question mark.
"""

import re
from itertools import groupby

_LONGEST = 40  # characters of a shape
_RUN = 4  # as much of a run is shown
_SIGNS = frozenset("^~&-/.:,+()@#_%*' |")
_BLANK = re.compile(r"\s+")


def shape(text: str) -> str:
    """Return the shape of a text."""
    found = "".join(map(_masked, _BLANK.sub(" ", text[: 8 * _LONGEST])))
    short = "".join(char * min(len(list(run)), _RUN) for char, run in groupby(found))
    return short if len(short) <= _LONGEST else short[: _LONGEST - 3] + "..."


def _masked(char: str) -> str:
    if char.isalpha():
        return "A" if char.isupper() else "a"
    if char.isdigit():
        return "9"
    return char if char in _SIGNS else "?"


def shape_of(value: object) -> str:
    """Return the shape of a value of JSON; of an object its names, which R4 knows."""
    if isinstance(value, str):
        return shape(value)
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(name for name in value if name.isidentifier())[:6]) + "}"
    if isinstance(value, list):
        return f"[{shape_of(value[0])}]" if value else "[]"
    return shape(str(value))
