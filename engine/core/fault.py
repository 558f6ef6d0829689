"""What went wrong, as a value: a category to act on, a stable code, a place.

The category says what the caller does (fix, wait, ask, give up). Four tables read it and nothing
else does: retry policy, HTTP status, HL7 acknowledgement code, message state. A fault never carries
patient data: `message` is constant text per code, `where` is a path such as `PID-3[2].1` or
`site.yaml:14:9`, never a value found there.
"""

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a fault asks of whoever sees it."""

    INVALID = "invalid"  # the content is wrong: the sender has to mend it
    UNSUPPORTED = "unsupported"  # well-formed, but nothing here handles it
    FORBIDDEN = "forbidden"  # the caller may not
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"  # the state changed meanwhile
    BUSY = "busy"  # try again soon
    UNAVAILABLE = "unavailable"  # a part is down: try again later
    BUG = "bug"  # ours


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure. `code` is kebab-case and never changes its meaning once released."""

    category: Category
    code: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        place = f" at {self.where}" if self.where else ""
        return f"{self.code}: {self.message}{place}"


class FaultError(Exception):
    """Carries a fault up to the first caller that can answer it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def refuse(category: Category, code: str, message: str, where: str = "") -> FaultError:
    """Build the exception to raise for a fault."""
    return FaultError(Fault(category, code, message, where))
