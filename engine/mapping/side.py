"""A resource that is made only to be referred to, as a value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.mapping.datatypes.tools import Flawed


@dataclass(frozen=True, slots=True)
class Side:
    """A resource to link to, with those it needs itself."""

    type: str
    key: tuple[str, ...]
    elements: dict[str, Any]
    needs: "tuple[Side, ...]" = ()
    flaw: Flawed | None = None


Read = Callable[[str], Side | None]
