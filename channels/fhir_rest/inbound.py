"""A site's door at the endpoint: whose token opens it, and each delivery on its way to the journal.

Rule: what is accepted has a receipt. Whoever asks twice under the same key has asked once: that is
found out where the delivery is worked off.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from channels.fhir_rest.rate import Rate
from channels.fhir_rest.request import Asked, Delivery, asked, heard
from channels.fhir_rest.settings import FhirIn
from channels.fhir_rest.signature import is_signed
from engine.core.clock import EPOCH, Clock
from engine.core.fault import Category, Fault, FaultError
from engine.core.values import FHIR_JSON, Receipt
from engine.formats.fhir_event import key_of
from engine.plugin import handover
from engine.plugin.event import ChannelFailed, ChannelStarted, ChannelStopped, DeliveryRefused
from engine.plugin.protocol import Admission, Intake, Started, Surroundings
from engine.plugin.secret import reveal
from engine.plugin.spec import ChannelSpec
from engine.plugin.web import Answered, Part, Posted

Result = TypeVar("Result")
CLOSED = Fault(Category.UNAVAILABLE, "channel-closed", "the channel takes nothing at the moment")
RATE = Fault(Category.BUSY, "too-many-requests", "more requests than the channel takes")
_LARGE_BYTES = 64 * 1024
_MOST_ON_THE_WAY = 256  # entries of one batch that wait for the disk at the same time


@dataclass(frozen=True, slots=True)
class _Open:
    """What the door has while it is open."""

    intake: Intake
    token: bytes
    events_secret: bytes


class FhirInbound:
    """Satisfies `engine.plugin.protocol.Inbound` and `engine.plugin.web.Door`."""

    def __init__(self, settings: FhirIn, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings
        self._open: _Open | None = None
        self._rate = Rate(settings.max_requests_per_s)
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def channel(self) -> str:
        return self._around.channel

    @property
    def max_body_bytes(self) -> int:
        return self._settings.max_body_bytes

    async def run(self, intake: Intake, started: Started) -> None:
        around, settings = self._around, self._settings
        secret = reveal(settings.events_secret).encode() if settings.events_secret else b""
        token = reveal(settings.token) if settings.token else around.own_secret()
        self._open = _Open(intake, token.encode(), secret)
        try:
            started([f"/sources/{around.site}/fhir"])
            around.report(ChannelStarted(around.channel, around.site))
            await asyncio.Event().wait()
        finally:
            self._open = None
            await self._drained()
            around.report(ChannelStopped(around.channel, around.site))

    def check(self) -> str | None:
        """Say in one sentence why it could not be opened now, or None."""
        fault = examine(self._settings, self._around.clock)
        return str(fault) if fault else None

    def knows(self, token: str) -> bool:
        given, mine = token.encode(), self._open.token if self._open else b""
        return hmac.compare_digest(given, mine) and bool(mine)

    def is_signed(self, body: bytes, signatures: Sequence[str]) -> bool:
        return self._open is not None and is_signed(self._open.events_secret, body, signatures)

    def turned_away(self, fault: Fault) -> None:
        self._around.tally.received += 1
        self._refused(fault)

    async def take(self, posted: Posted) -> Answered:
        return await self._answered(lambda: asked(posted), len(posted.body), posted.key)

    async def hear(self, body: bytes) -> Answered:
        now = EPOCH + timedelta(microseconds=self._around.clock.now_us())
        return await self._answered(lambda: heard(body, now), len(body), key_of(body))

    async def _answered(self, read: Callable[[], Asked], size_bytes: int, key: str) -> Answered:
        door = self._open
        if door is None:
            return Answered(fault=CLOSED)
        if not self._rate.allows(self._around.clock.now_us()):
            self.turned_away(RATE)
            return Answered(fault=RATE)
        self._around.tally.bytes_received += size_bytes
        self._requests += 1
        self._idle.clear()
        try:
            return await self._take(door.intake, partial(_aside, size_bytes, read), key)
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def _drained(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self._idle.wait()
        except TimeoutError:
            self._around.report(
                ChannelFailed(self._around.channel, self._around.site, "stopped-before-answer")
            )

    async def _take(
        self, intake: Intake, read: Callable[[], Awaitable[Asked]], key: str
    ) -> Answered:
        tally = self._around.tally
        try:
            request = await read()
        except FaultError as error:
            self.turned_away(error.fault)
            return Answered(fault=error.fault)
        tally.received += len(request.deliveries)
        parts = await self._submitted(intake, request, key)
        return Answered(request.form, parts, request.types)

    async def _submitted(self, intake: Intake, request: Asked, key: str) -> tuple[Part, ...]:
        """Hand on what was asked, some of it at a time; one part for each delivery, in order."""
        deliveries = request.deliveries
        several = len(deliveries) > 1
        waiting: list[asyncio.Future[Receipt]] = []
        for at, delivery in enumerate(deliveries):
            if at >= _MOST_ON_THE_WAY:
                await waiting[at - _MOST_ON_THE_WAY]
            await handover.room(self._around, intake)
            name = f"{key}/{at}" if key and several else key
            admission = await self._admitted(delivery)
            waiting.append(self._submit(intake, delivery, admission, name))
        receipts = [await one for one in waiting]
        return tuple(
            Part(delivery.type, receipt)
            for delivery, receipt in zip(deliveries, receipts, strict=True)
        )

    async def _admitted(self, delivery: Delivery) -> Admission:
        if delivery.fault is not None or delivery.media_type != FHIR_JSON:
            return Admission(fault=delivery.fault)
        return await _aside(
            len(delivery.body), partial(handover.examine, self._around, delivery.body)
        )

    def _submit(
        self, intake: Intake, delivery: Delivery, admission: Admission, key: str
    ) -> "asyncio.Future[Receipt]":
        settled = asyncio.get_running_loop().create_future()
        if admission.fault is not None:
            self._refused(admission.fault)
            settled.set_result(Receipt(fault=admission.fault))
            return settled
        self._around.tally.pending += 1
        sealed = handover.envelope(self._around, delivery.media_type, delivery.body, admission, key)
        handover.submit(self._around, intake, sealed, partial(self._settled, settled))
        return settled

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


async def _aside(size_bytes: int, work: Callable[[], Result]) -> Result:
    """Do what takes long with a large body in a thread, so that others are answered meanwhile."""
    return work() if size_bytes <= _LARGE_BYTES else await asyncio.to_thread(work)


def examine(settings: FhirIn, _: Clock) -> Fault | None:
    """Say what keeps the secrets of the settings from being read."""
    try:
        for secret in filter(None, (settings.token, settings.events_secret)):
            reveal(secret)
    except FaultError as error:
        return error.fault
    return None


SPEC = ChannelSpec(
    name="fhir_rest",
    direction="in",
    config=FhirIn,
    build=FhirInbound,
    summary="FHIR R4 resources, batches and transactions posted to `/sources/SITE/fhir` of the "
    "endpoint. Answers 202 when a delivery is on disk, or 201 when it is in the store.",
    example="mercy-fhir: {type: fhir_rest, site: mercy, direction: in, "
    "token: {file: secrets/mercy.token}}\n",
    ports=lambda _: [],
    media_type=FHIR_JSON,
    at_endpoint=True,
    prompt=lambda settings: settings.answers == "sync",
    examine=examine,
)
