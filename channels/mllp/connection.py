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

from channels.mllp.answer import Answers, Pending
from channels.mllp.framing import Frame, Framer, FramingFault, Item
from channels.mllp.lobby import Lobby
from engine.core.failpoint import failpoint
from engine.core.fault import Category, Fault
from engine.core.values import HL7_V2, Envelope, Receipt
from engine.formats.hl7v2.ack import read_header
from engine.plugin.event import ChannelFailed, DeliveryRefused, PartialDropped
from engine.plugin.protocol import Admission

_INTAKE_FAILED = Fault(Category.UNAVAILABLE, "intake-failed", "the message could not be stored")
_NO_HEADER = Fault(Category.UNSUPPORTED, "header-unreadable", "the message has no readable MSH")
_ADMISSION_FAILED = Fault(Category.BUG, "admission-failed", "the message could not be examined")

_TLS_HELLO = b"\x16\x03"  # a handshake record of any version (RFC 8446, 5.1)


class Connection(asyncio.Protocol):
    """The protocol object of one accepted socket."""

    def __init__(self, lobby: Lobby, answers: Answers) -> None:
        self.peer = ""
        self.held_bytes = 0
        self._lobby = lobby
        self._answers = answers
        self._tally = lobby.surroundings.tally
        self._framer = Framer(lobby.settings.max_frame_bytes)
        self._backlog: deque[Item] = deque()
        self._row: deque[Pending] = deque()
        self._loop = asyncio.get_running_loop()
        self._heard = self._began = self._blocked = 0.0
        self._reading = True
        self._last = False  # nothing more is taken; close when the row is empty
        self._gone = False
        self._flushing = False
        self._fresh = True

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = cast("asyncio.Transport", transport)
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._heard = self._loop.time()
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
        framer = self._framer
        waiting = framer.pending
        self._heard = self._loop.time()
        self._tally.bytes_received += len(data)
        items = framer.feed(data)
        if items or not waiting:
            self._began = self._heard
        if framer.held_bytes != self.held_bytes:
            self._lobby.hold(self, framer.held_bytes)
        if items:
            self._backlog.extend(items)
            self.pump()
        return None

    def eof_received(self) -> bool:
        """Answer what was sent before the sender shut its side, then close."""
        self._last = True
        self._backlog.extend(self._framer.close())
        self.pump()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        if self._framer.pending:
            self._report_partial("connection-lost")
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
        limits = self._lobby.settings
        if self._blocked and now - self._blocked > limits.frame_deadline_s:
            self.drop("answers-not-read")
        elif not self._reading or self._last:
            self._began = self._heard = now  # it is we who make the sender wait
        elif self._framer.pending:
            self._tick_frame(now)
        elif limits.idle_timeout_s and now - self._heard > limits.idle_timeout_s and not self._row:
            self.drop("idle")

    def pump(self) -> None:
        """Hand on what has been received, as far as there is room; else stop reading."""
        while self._backlog and not self._gone:
            if len(self._row) >= self._lobby.settings.max_pipelined:
                return self._read(wanted=False)
            if self._lobby.intake.full():
                self._lobby.wait_for_room(self)
                return self._read(wanted=False)
            self._take(self._backlog.popleft())
        self._leave_if_done()
        return self._read(wanted=not (self._blocked or self._last))

    def finish(self) -> None:
        """Take nothing more; what was received and not handed on stays unanswered."""
        self._last = True
        self._backlog.clear()
        self._read(wanted=False)
        self._leave_if_done()

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

    def _take(self, item: Item) -> None:
        if isinstance(item, Frame):
            self._take_frame(item.body)
            return
        self._tally.junk_bytes += item.dropped
        self._report_partial(item.fault.code)
        if item.fatal:
            self._refuse_stream(item)

    def _take_frame(self, body: bytes) -> None:
        self._tally.received += 1
        place = self._lobby.surroundings
        header = read_header(body)
        pending = Pending(header, self._settled)
        self._row.append(pending)
        admission = self._examine(body) if header.readable else Admission(fault=_NO_HEADER)
        if admission.fault is not None:
            self._refuse(pending, admission.fault)
            return
        received_us = place.clock.now_us()
        envelope = Envelope(
            place.channel,
            place.site,
            HL7_V2,
            body,
            received_us,
            admission.control_id,
            admission.lane,
        )
        self._tally.pending += 1
        failpoint("after-receive")
        try:
            self._lobby.intake.submit(envelope, pending.settle)
        except Exception:  # noqa: BLE001 - the sender needs an answer whatever broke behind us
            place.report(ChannelFailed(place.channel, place.site, _INTAKE_FAILED.code))
            pending.settle(Receipt(fault=_INTAKE_FAILED))

    def _examine(self, body: bytes) -> Admission:
        place = self._lobby.surroundings
        try:
            return place.admit(body)
        except Exception:  # noqa: BLE001 - one message must not end a sender's connection
            place.report(ChannelFailed(place.channel, place.site, _ADMISSION_FAILED.code))
            return Admission(fault=_ADMISSION_FAILED)

    def _refuse(self, pending: Pending, fault: Fault) -> None:
        place = self._lobby.surroundings
        place.report(DeliveryRefused(place.channel, place.site, fault.code))
        self._tally.refused += 1
        self._ready(pending, fault)

    def _refuse_stream(self, item: FramingFault) -> None:
        """Say so if the sender can be addressed, and end the connection either way."""
        self._last = True
        header = read_header(item.sample)
        if header.readable:
            self._tally.received += 1
            pending = Pending(header, self._settled)
            self._row.append(pending)
            self._refuse(pending, item.fault)

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
        pending.answer = self._answers.write(pending.header, fault)
        pending.ready = True
        if len(self._row) == 1 and not self._backlog:
            self._flush()
        elif not self._flushing:
            self._flushing = True  # several at once leave in one write
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        ready = []
        while self._row and self._row[0].ready:
            ready.append(self._row.popleft().answer)
        if self._gone:
            return
        if ready:
            self._transport.write(b"".join(ready))
        if self._backlog:
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

    def _tick_frame(self, now: float) -> None:
        limits = self._lobby.settings
        items: list[Item] = []
        if now - self._began > limits.frame_deadline_s:
            items = self._framer.close()
            self._last = True
            self._lobby.report_drop("frame-deadline")
        elif now - self._heard > limits.end_grace_s:
            items = self._framer.settle()
        if items or self._last:
            self._lobby.hold(self, 0)
            self._backlog.extend(items)
            self.pump()

    def _report_partial(self, code: str) -> None:
        place = self._lobby.surroundings
        place.report(PartialDropped(place.channel, place.site, code))


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
