"""A mistake in a file that people write: a code, a place, a sentence, what to do next.

Rendered as a frame with the line and a caret, as compilers do. Knows no format and no rule: who
finds a mistake chooses the code. Codes are stable; `concord explain CODE` tells the cause and the
cure. These files hold no patient data, so a problem may quote them; `concealed` masks a secret.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line; `line` and `column` count from 1, `source` is the line's own text."""

    file: str
    line: int
    column: int
    width: int = 1
    source: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `help` says what to do next, or is empty."""

    code: str
    message: str
    place: Place
    help: str = ""

    def frame(self) -> str:
        """Render as several lines: what, the line itself, a caret under it, the help."""
        place = self.place
        lines = [f"{place}: {self.code} {self.message}"]
        if place.source:
            lead = "".join(
                "\t" if char == "\t" else " " for char in place.source[: place.column - 1]
            )
            lines.append(f"{place.line:>6} | {place.source}")
            lines.append(f"       | {lead}{'^' * max(1, place.width)}")
        if self.help:
            lines.append(f"       = help: {self.help}")
        return "\n".join(lines)


def concealed(place: Place) -> Place:
    """Mask what stands at a place, so that a refused secret is not printed."""
    start, end = place.column - 1, place.column - 1 + place.width
    mask = "*" * 3
    masked = place.source[:start] + mask + place.source[end:]
    return replace(place, source=masked, width=len(mask))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant, or nothing."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(names), n=1, cutoff=0.6)
    return f"did you mean '{names[close[0]]}'?" if close else ""
