"""One sender's connection: frames in, deliveries to the intake, answers out in the same order.

Rule 1: nothing is answered positively before its receipt says the bytes are durable.
Rule 2: it stops reading while it may not hand on: intake full, too many frames unanswered, or a
sender that does not read its answers. TCP then stops the sender; nothing piles up here.

Knows no mapping and no patient: what a message is, `Surroundings.admit` says.
"""

import asyncio
import socket
from collections import deque
from typing import cast

from channels.mllp.answer import Answers
from channels.mllp.arrivals import Arrivals
from channels.mllp.framing import Frame, FramingFault, Item
from channels.mllp.lobby import Lobby
from channels.mllp.row import Pending, Row
from engine.core.fault import Category, Fault
from engine.core.values import HL7_V2, Envelope, Receipt
from engine.formats.hl7v2.ack import read_header
from engine.formats.hl7v2.batch import is_batch
from engine.plugin import handover
from engine.plugin.event import BatchMiscounted, DeliveryRefused, PartialDropped
from engine.plugin.protocol import Admission, Surroundings

_NO_HEADER = Fault(Category.UNSUPPORTED, "header-unreadable", "the message has no readable MSH")

TURN = 50  # messages of a batch that are taken before other connections have theirs
_TLS_HELLO = b"\x16\x03"  # a handshake record of any version (RFC 8446, 5.1)


class Connection(asyncio.Protocol):
    """The protocol object of one accepted socket."""

    def __init__(self, lobby: Lobby, answers: Answers) -> None:
        self.peer = ""
        self.held_bytes = 0
        self._lobby = lobby
        self._tally = lobby.surroundings.tally
        self._backlog: deque[Item] = deque()
        self._row = Row(answers, lobby.settings.batch_answers)
        self._loop = asyncio.get_running_loop()
        self._arrivals = Arrivals(lobby.settings, self._loop.time())
        self._blocked = 0.0
        self._reading = True
        self._last = False  # nothing more is taken; close when the row is empty
        self._gone = False
        self._flushing = False
        self._fresh = True
        self._turning = False  # others have their turn before the next messages of a batch

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = cast("asyncio.Transport", transport)
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        if self._lobby.enter(self):
            watch_peer(transport.get_extra_info("socket"), self._lobby.settings.peer_timeout_s)
        else:
            self._gone = True
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._gone or self._last:
            return None
        if self._fresh and data.startswith(_TLS_HELLO):
            return self.refuse("tls-on-plain-port")
        self._fresh = False
        self._tally.bytes_received += len(data)
        items = self._arrivals.feed(data, self._loop.time())
        if items:
            self._go_on(items)
        else:
            self._hold()
        return None

    def eof_received(self) -> bool:
        """Answer what was sent before the sender shut its side, then close."""
        self._last = True
        self._go_on(self._arrivals.close())
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        cut = self._arrivals.pending or bool(self._row.batch)
        self._lobby.report_lost(exc, partial=cut)
        self._backlog.clear()
        self._lobby.leave(self)

    def pause_writing(self) -> None:
        self._blocked = self._loop.time()
        self._read(wanted=False)

    def resume_writing(self) -> None:
        self._blocked = 0.0
        self.pump()

    # what the lobby calls

    def tick(self, now: float) -> None:
        if self._blocked and now - self._blocked > self._lobby.settings.frame_deadline_s:
            self.drop("answers-not-read")
        elif not self._reading or self._last:
            self._arrivals.excuse(now)
        elif self._arrivals.is_idle(now) and not self._row:
            self.drop("idle")
        elif self._arrivals.is_late(now):
            self._last = True
            self._lobby.report_drop("frame-deadline")
            self._go_on(self._arrivals.close())
        elif items := self._arrivals.settle(now):
            self._go_on(items)

    def pump(self) -> None:
        """Hand on what has been received, as far as there is room; else stop reading."""
        if not self._turning:
            wanted = self._advance()
            self._hold()
            self._read(wanted=wanted)

    def _advance(self) -> bool:
        """Take what may be taken now; tells whether more is wanted from the sender."""
        turns = 0
        while (self._backlog or self._row.batch) and not self._gone:
            if self._row.owed >= self._lobby.settings.max_pipelined:
                return False
            if self._lobby.intake.full():
                self._lobby.wait_for_room(self)
                return False
            if turns == TURN:
                self._turning = True
                self._loop.call_soon(self._next_turn)
                return False
            turns += self._take_next()
        self._leave_if_done()
        return not (self._blocked or self._last)

    def _next_turn(self) -> None:
        self._turning = False
        self.pump()

    def finish(self) -> None:
        """Take nothing more; what was received and not handed on stays unanswered."""
        self._last = True
        self._backlog.clear()
        self._row.end_batch(dropped=True)
        self._read(wanted=False)
        self._flush()

    def refuse(self, code: str) -> None:
        """Turn a peer away that speaks the wrong protocol, or may not speak at all."""
        self._tally.connections_refused += 1
        self.drop(code)

    def drop(self, code: str) -> None:
        if not self._gone:
            self._gone = True
            self._lobby.report_drop(code)
            self._transport.abort()

    # one item after the other

    def _take_next(self) -> bool:
        """Take the next thing; tells whether it was a message of a batch."""
        batch = self._row.batch
        if batch is None:
            self._take(self._backlog.popleft())
            return False
        message = batch.delivery.next_message()
        if message is None:
            for code in batch.delivery.complaints:
                self._lobby.report(BatchMiscounted, code)
            self._row.end_batch()
            self._flush_soon()
        else:
            self._take_message(message)
        return True

    def _take(self, item: Item) -> None:
        if isinstance(item, Frame):
            if is_batch(item.body):
                self._row.begin_batch(item.body)
            else:
                self._take_message(item.body)
            return
        self._tally.junk_bytes += item.dropped
        self._lobby.report(PartialDropped, item.fault.code)
        if item.fatal:
            self._refuse_stream(item)

    def _take_message(self, body: bytes) -> None:
        self._tally.received += 1
        place, intake = self._lobby.surroundings, self._lobby.intake
        header = read_header(body)
        pending = self._row.expect(header, self._settled)
        admission = _examined(place, body, readable=header.readable)
        if admission.fault is not None:
            self._refuse(pending, admission.fault)
            return
        self._tally.pending += 1
        handover.submit(place, intake, _sealed(place, body, admission), pending.settle)

    def _refuse(self, pending: Pending, fault: Fault) -> None:
        self._lobby.report(DeliveryRefused, fault.code)
        self._tally.refused += 1
        self._ready(pending, fault)

    def _refuse_stream(self, item: FramingFault) -> None:
        """Say so if the sender can be addressed, and end the connection either way."""
        self._last = True
        header = read_header(item.sample)
        if header.readable:
            self._tally.received += 1
            self._refuse(self._row.expect(header, self._settled), item.fault)

    # answers

    def _settled(self, pending: Pending, receipt: Receipt) -> None:
        if pending.ready:
            return
        self._tally.pending -= 1
        if self._gone:
            pending.ready = True
            self._tally.lost += 1
        elif receipt.fault is None:
            self._tally.accepted += 1
            self._ready(pending, None)
        else:
            self._refuse(pending, receipt.fault)

    def _ready(self, pending: Pending, fault: Fault | None) -> None:
        self._row.answer(pending, fault)
        if self._row.is_last() and not self._backlog:
            self._flush()
        else:
            self._flush_soon()

    def _flush_soon(self) -> None:
        """Let several answers leave in one write."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        ready = self._row.leave()
        if self._gone:
            return
        if ready:
            self._transport.write(ready)
        if self._backlog or self._row.batch:
            self.pump()
        else:
            self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self._last and not self._row and not self._backlog and not self._gone:
            self._transport.close()

    # reading and its limits

    def _read(self, *, wanted: bool) -> None:
        if self._gone or wanted == self._reading:
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._tally.pauses += 1
            self._transport.pause_reading()

    def _go_on(self, items: list[Item]) -> None:
        self._backlog.extend(items)
        self.pump()

    def _hold(self) -> None:
        """Let the lobby know how much is kept here: unfinished, or waiting for room."""
        held_bytes = self._arrivals.held_bytes + self._row.held_bytes
        if self._backlog:
            held_bytes += sum(len(item.body) for item in self._backlog if isinstance(item, Frame))
        if held_bytes != self.held_bytes:
            self._lobby.hold(self, held_bytes)


def watch_peer(connected: socket.socket, timeout_s: int) -> None:
    """Notice within `timeout_s` seconds that a peer has vanished without closing.

    Keep-alive probes find it while the line is silent, TCP_USER_TIMEOUT (RFC 5482; tcp(7)) while
    bytes are unacknowledged.
    """
    idle = max(1, timeout_s // 2)
    every = max(1, (timeout_s - idle) // 3)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": idle,
        "TCP_KEEPINTVL": every,
        "TCP_KEEPCNT": max(1, (timeout_s - idle) // every),
        "TCP_USER_TIMEOUT": timeout_s * 1000,
    }
    for name, value in options.items():
        if option := getattr(socket, name, None):  # Linux has all of them, macOS some
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


def _examined(place: Surroundings, body: bytes, *, readable: bool) -> Admission:
    return handover.examine(place, body) if readable else Admission(fault=_NO_HEADER)


def _sealed(place: Surroundings, body: bytes, admission: Admission) -> Envelope:
    return handover.envelope(place, HL7_V2, body, admission)
