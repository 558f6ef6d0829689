"""Who is connected to one listener, and the limits that hold for all of them together.

Knows sockets' addresses and numbers of bytes, no message. A connection that finds the intake full
waits here and is woken in the order of arrival.
"""

import asyncio
import errno
from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from channels.mllp.settings import MllpIn
from engine.plugin.event import ChannelEvent, PartialDropped, PeerDropped
from engine.plugin.protocol import Intake, Surroundings

_VANISHED = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})


class Guest(Protocol):
    """What the lobby asks of a connection."""

    peer: str
    held_bytes: int

    def tick(self, now: float) -> None:
        """Look at the time limits; `now` is the loop's clock in seconds."""
        ...

    def pump(self) -> None:
        """Go on with what was left lying when the intake was full."""
        ...

    def finish(self) -> None:
        """Take nothing more; leave when the last answer is written."""
        ...

    def drop(self, code: str) -> None:
        """Leave at once."""
        ...


class Lobby:
    """All connections of one listener, while it runs."""

    def __init__(self, settings: MllpIn, surroundings: Surroundings, intake: Intake) -> None:
        self.settings = settings
        self.surroundings = surroundings
        self.intake = intake
        self._guests: dict[Guest, None] = {}
        self._peers: Counter[str] = Counter()
        self._held_bytes = 0
        self._waiting: dict[Guest, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def enter(self, guest: Guest) -> bool:
        """Let a connection in, or say why not and return False: the caller has to close it."""
        if code := self._objection(guest.peer):
            self.surroundings.tally.connections_refused += 1
            self.report_drop(code)
            return False
        self._guests[guest] = None
        self._peers[guest.peer] += 1
        self._empty.clear()
        self.surroundings.tally.connections += 1
        self.surroundings.tally.connections_total += 1
        return True

    def leave(self, guest: Guest) -> None:
        if guest not in self._guests:
            return
        del self._guests[guest]
        self._waiting.pop(guest, None)
        self._held_bytes -= guest.held_bytes
        self._peers[guest.peer] -= 1
        if not self._peers[guest.peer]:
            del self._peers[guest.peer]
        self.surroundings.tally.connections -= 1
        if not self._guests:
            self._empty.set()

    def hold(self, guest: Guest, held_bytes: int) -> None:
        """Note how many bytes of frames a connection keeps; too much closes the largest."""
        self._held_bytes += held_bytes - guest.held_bytes
        guest.held_bytes = held_bytes
        if self._held_bytes > self.settings.max_held_bytes:
            max(self._guests, key=lambda one: one.held_bytes).drop("too-many-bytes-held")

    def wait_for_room(self, guest: Guest) -> None:
        """Wake the connection when the intake has room again."""
        if not self._waiting:
            self.intake.on_drained(self._wake)
        self._waiting[guest] = None

    def tick(self, now: float) -> None:
        for guest in tuple(self._guests):
            guest.tick(now)

    async def close(self) -> None:
        """Ask everyone to leave, wait for the answers outstanding, then close what is left."""
        for guest in tuple(self._guests):
            guest.finish()
        try:
            async with asyncio.timeout(self.settings.drain_s):
                await self._empty.wait()
        except TimeoutError:
            self.report_drop("stopped-before-answer")
        finally:
            for guest in tuple(self._guests):
                guest.drop("stopped")
            await asyncio.sleep(0)  # the loop closes aborted sockets in its next round

    def report_drop(self, code: str) -> None:
        self.report(PeerDropped, code)

    def report_lost(self, exc: Exception | None, *, partial: bool) -> None:
        """Tell how a connection ended; `partial`: with something begun on it."""
        if isinstance(exc, OSError) and exc.errno in _VANISHED:
            self.report_drop("peer-vanished")
        if partial:
            self.report(PartialDropped, "connection-lost")

    def report(self, kind: type[ChannelEvent], code: str) -> None:
        """Say that something of this kind has happened on the channel."""
        place = self.surroundings
        place.report(kind(place.channel, place.site, code))

    def _objection(self, peer: str) -> str:
        limits = self.settings
        if len(self._guests) >= limits.max_connections:
            return "too-many-connections"
        if self._peers[peer] >= limits.max_connections_per_peer:
            return "too-many-connections-of-peer"
        if limits.allow and not self._is_listed(peer):
            return "peer-not-allowed"
        return ""

    def _is_listed(self, peer: str) -> bool:
        if not peer:  # gone before it could be asked for its address
            return False
        address = ip_address(peer)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped  # how IPv4 senders look to a listener on `::`
        return any(address in network for network in self.settings.allow)

    def _wake(self) -> None:
        waiting, self._waiting = tuple(self._waiting), {}
        for guest in waiting:
            guest.pump()
