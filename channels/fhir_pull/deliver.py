"""Fetched resources on their way to the journal, each like one that was posted.

What is the same as it was handed on last is not handed on again. What is refused for its content is
remembered with the reason, and offered again when everything is compared. When anything behind us
fails, nothing is remembered, and the page is fetched again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from channels.fhir_pull.page import Fetched
from engine.core.fault import Category, Fault
from engine.core.values import FHIR_JSON, Receipt
from engine.plugin import handover
from engine.plugin.event import DeliveryRefused
from engine.plugin.protocol import Intake, Surroundings
from engine.plugin.recall import Held, Memory

_PASSING = frozenset({Category.BUSY, Category.UNAVAILABLE})
_OF_CONTENT = frozenset({Category.INVALID, Category.UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class Why:
    """On whose behalf resources come: a search (empty for an event), and a whole comparison."""

    search: str = ""
    sweep_us: int = 0


@dataclass(frozen=True, slots=True)
class Handed:
    """What to remember of a page, or the fault for which it has to come again."""

    held: tuple[Held, ...] = ()
    fault: Fault | None = None


class Counter:
    """Where fetched resources are handed on."""

    def __init__(self, around: Surroundings, intake: Intake, memory: Memory) -> None:
        self._around, self._intake, self._memory = around, intake, memory

    async def hand_on(self, found: Sequence[Fetched], why: Why) -> Handed:
        """Hand on what is new; returns when every one of it is on disk or refused."""
        known = await asyncio.to_thread(self._memory.held, [one.name for one in found])
        fresh = [one for one in found if _is_news(one, known, why)]
        waiting = [await self._submit(one) for one in fresh]
        receipts = [await one for one in waiting]
        failed = (one.fault for one in receipts if one.fault and one.fault.category in _PASSING)
        if (fault := next(failed, None)) is not None:
            return Handed(fault=fault)
        codes = {
            one.name: receipt.fault.code if receipt.fault else ""
            for one, receipt in zip(fresh, receipts, strict=True)
        }
        return Handed(tuple(_remembered(found, codes, known, why)))

    async def _submit(self, one: Fetched) -> "asyncio.Future[Receipt]":
        await handover.room(self._around, self._intake)
        self._around.tally.received += 1
        settled = asyncio.get_running_loop().create_future()
        admission = await asyncio.to_thread(handover.examine, self._around, one.body)
        if admission.fault is not None:
            self._refused(admission.fault)
            settled.set_result(Receipt(fault=admission.fault))
            return settled
        self._around.tally.pending += 1
        # A content with a time of its own has a name: fetched twice, it is known again.
        key = f"pull-{one.digest}" if one.updated_us else ""
        sealed = handover.envelope(self._around, FHIR_JSON, one.body, admission, key)
        handover.submit(self._around, self._intake, sealed, partial(self._written, settled))
        return settled

    def _written(self, waiting: "asyncio.Future[Receipt]", receipt: Receipt) -> None:
        """Hear the intake: what fails there, but for the content, has to come again."""
        fault = receipt.fault
        if fault is not None and fault.category not in _OF_CONTENT:
            receipt = Receipt(fault=replace(fault, category=Category.UNAVAILABLE))
        self._settled(waiting, receipt)

    def _settled(self, waiting: "asyncio.Future[Receipt]", receipt: Receipt) -> None:
        tally = self._around.tally
        tally.pending -= 1
        if receipt.fault is not None:
            self._refused(receipt.fault)
        elif waiting.cancelled():
            tally.lost += 1
        else:
            tally.accepted += 1
        if not waiting.done():
            waiting.set_result(receipt)

    def _refused(self, fault: Fault) -> None:
        self._around.tally.refused += 1
        self._around.report(DeliveryRefused(self._around.channel, self._around.site, fault.code))


def _is_news(one: Fetched, known: Mapping[str, Held], why: Why) -> bool:
    """Tell what to hand on. What was refused is offered again by an event or a comparison."""
    before = known.get(one.name)
    if before is None or before.digest != one.digest:
        return True
    return bool(before.code) and (not why.search or bool(why.sweep_us))


def _remembered(
    found: Sequence[Fetched], codes: Mapping[str, str], known: Mapping[str, Held], why: Why
) -> list[Held]:
    rows = []
    for one in found:
        before = known.get(one.name, Held(one.name, ""))
        row = replace(before, digest=one.digest, code=codes.get(one.name, before.code))
        if why.search:
            row = replace(row, search=why.search, sweep_us=why.sweep_us or before.sweep_us)
        if row != before:
            rows.append(row)
    return rows
