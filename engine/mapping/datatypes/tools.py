"""What converters need to know of a site: zone, assigners, code tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from engine.mapping.tables import Table

Convert = Callable[[str], Any]
MEMO = 1024  # entries per converter and plan: codes, people and places of a site repeat
_LONGEST = 400  # characters; what is longer is no code or name, and would fill the memory
T = TypeVar("T")


def memo(read: Callable[[str], T]) -> Callable[[str], T]:
    """Remember what a pure function of one text gave, for short texts and a bounded number."""
    known = lru_cache(MEMO)(read)
    return lambda text: known(text) if len(text) <= _LONGEST else read(text)


@dataclass(frozen=True, slots=True)
class Flawed:
    """A value (or none) that an analyst should know about; without a code, only a validator."""

    code: str
    message: str
    value: Any = None
    sound: bool = False  # the value is valid R4 where it will stand


@dataclass(frozen=True, slots=True)
class Assigner:
    """Who gives out identifiers: the FHIR system, and the type when the sender gives none."""

    system: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    site: str
    zone: ZoneInfo
    tables: Mapping[str, Table] = field(default_factory=dict)
    assigners: Mapping[str, Assigner] = field(default_factory=dict)

    def mapped(self, table: str, code: str, otherwise: Mapping[str, str]) -> str:
        """Translate a small code by a table of the chain, else by the engine's own."""
        found = self.tables.get(table)
        if found is None:
            return otherwise.get(code.upper(), "")
        target = found.find("", code)
        return target.code if target else ""
