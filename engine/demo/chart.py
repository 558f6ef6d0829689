"""What one site knows of one person, and the events it sends about it."""

from dataclasses import dataclass
from datetime import datetime

from engine.demo.people import Invented


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient record of one site. `known` is the person as the site wrote them down."""

    person: Invented
    known: Invented
    local_id: str  # what the site's patient key rule finds
    other_id: str  # a second identifier the site sends


@dataclass(frozen=True, slots=True)
class Result:
    """One laboratory order with its results."""

    order: str
    status: str  # P, F or C
    values: tuple[tuple[str, str, str, str], ...]  # LOINC, name, value, unit


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens. `visit` is empty where there is none."""

    trigger: str  # ADT^A01, ORU^R01, ...
    when: datetime
    control_id: str
    visit: str = ""
    clears_phone: bool = False
    result: Result | None = None
    merged: Chart | None = None  # for A40: the record that is no longer used
