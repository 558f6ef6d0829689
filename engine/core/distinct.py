"""Lists as sets with an order: equal items once, where the first of them stands."""

from collections.abc import Iterable
from typing import Any


def distinct(lists: Iterable[list[Any]]) -> list[Any]:
    """Return the items of some lists of JSON values, equal ones once."""
    found: list[Any] = []
    for items in lists:
        for item in items:
            if item not in found:
                found.append(item)
    return found
