"""Named points at which a test makes the process die or a step fail. Unarmed they cost one lookup.

The points of the main path, in its order: `after-receive`, `before-ack`, `before-write`,
`inside-merge`, `before-commit`, `after-commit`. A replay passes `replay-chunk` after each chunk;
who fetches passes `before-watermark` with each page, `before-named` with each resource an event
named.
"""

from collections.abc import Callable

_ARMED: dict[str, Callable[[], None]] = {}


def failpoint(name: str) -> None:
    """Pass the point `name`."""
    if _ARMED and (act := _ARMED.get(name)):
        act()


def arm(name: str, act: Callable[[], None]) -> None:
    """Call `act` whenever `name` is passed, until `disarm`. For tests."""
    _ARMED[name] = act


def disarm() -> None:
    """Forget all armed points."""
    _ARMED.clear()
