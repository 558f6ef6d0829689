"""Codes that no row of their table has, counted: what analysts are to fill in.

Nothing is kept for this while messages are worked off. The ledger says which messages had such
codes; they are mapped once more, so what has a row by now is no gap.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.core.fault import FaultError
from engine.database.protocol import Database
from engine.mapping.plan import Plan
from engine.mapping.watch import Missed
from engine.pipeline.ledger import Account
from engine.survey.given import Given
from engine.survey.traffic import Recent

_NOTED = frozenset({"unmapped-code", "unmapped-code-refused"})
_MOST = 50_000  # gaps that are kept apart


@dataclass(frozen=True, slots=True)
class Asked:
    """What was looked up and not found, in a table or in the value set of an element."""

    table: str
    value_set_of: str  # an element, empty where a table was asked
    system: str
    code: str  # the text where there is no code: tables are asked for it, too


@dataclass(slots=True)
class Gap:
    """A code without a row. Times are microseconds, 0 for deliveries without one."""

    asked: Asked
    text: str
    count: int = 0
    first_us: int = 0
    last_us: int = 0
    channels: dict[str, None] = field(default_factory=dict)
    elements: dict[str, None] = field(default_factory=dict)  # that want it

    def seen(self, given: Given, element: str) -> None:
        """Count it once more."""
        self.elements[element] = None
        self.count += 1
        when_us = given.received_us
        self.first_us = min(self.first_us or when_us, when_us)
        self.last_us = max(self.last_us, when_us)
        if given.channel:
            self.channels[given.channel] = None


def of_notes(recent: Recent, store: Database) -> list[int]:
    """Return the positions of the deliveries that had such codes when they were worked off."""
    return [one.position for one in recent.accounts(store) if _has_gap(one)][::-1]


def _has_gap(account: Account) -> bool:
    return account.code in _NOTED or any(note.code in _NOTED for note in account.notes)


def gaps(plan: Plan, traffic: Iterable[Given]) -> list[Gap]:
    """Map deliveries with a traced, lenient plan and count; the most frequent first."""
    found: dict[Asked, Gap] = {}
    for given in traffic:
        try:
            missed = given.traced(plan).missed
        except FaultError:
            continue
        for asked, text, element in _all(plan, missed):
            if asked in found or len(found) < _MOST:
                found.setdefault(asked, Gap(asked, text)).seen(given, element)
    return sorted(found.values(), key=lambda gap: (-gap.count, gap.asked.table, gap.asked.code))


def _all(plan: Plan, missed: Iterable[Missed]) -> Iterator[tuple[Asked, str, str]]:
    for one in missed:
        codings, text = _codings(plan, one.raw)
        first = codings[0] if codings else {}
        code = str(first.get("code", "")) or text
        if code:
            system = str(first.get("system", ""))
            shown = str(first.get("display", "")) or text
            asked = Asked(one.table, "" if one.table else one.element, system, code)
            yield asked, shown if shown != code else "", one.element


def _codings(plan: Plan, raw: Any) -> tuple[list[dict[str, Any]], str]:
    """Read a field of a message, or what a resource holds."""
    if isinstance(raw, str):
        return plan.codings(raw)
    if not isinstance(raw, dict):
        return [], ""
    if "coding" not in raw:
        return [raw], str(raw.get("text", ""))
    held = raw["coding"] if isinstance(raw["coding"], list) else []
    return [one for one in held if isinstance(one, dict)], str(raw.get("text", ""))
