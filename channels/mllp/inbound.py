"""The MLLP listener: binds the port, accepts connections, watches time limits, drains on stop.

What happens on one connection is in `connection`; this file knows only sockets and life cycle.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from channels.mllp.answer import Answers
from channels.mllp.connection import Connection
from channels.mllp.lobby import Lobby
from channels.mllp.settings import MllpIn
from channels.secured import Secured
from channels.tls import prepare_tls
from channels.tls_watch import TlsWatch
from engine.core.clock import Clock
from engine.core.fault import Category, Fault, FaultError, refuse
from engine.plugin.event import ChannelStarted, ChannelStopped
from engine.plugin.protocol import Intake, Started, Surroundings
from engine.plugin.spec import ChannelSpec

BACKLOG = 128
TICK_S = 0.25


class MllpInbound:
    """Satisfies `engine.plugin.protocol.Inbound`."""

    def __init__(self, settings: MllpIn, surroundings: Surroundings) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._answers = Answers(surroundings.clock)

    async def run(self, intake: Intake, started: Started) -> None:
        place = self._surroundings
        lobby = Lobby(self._settings, place, intake)
        tls = None if self._settings.tls is None else TlsWatch(self._settings.tls, place)
        server = await self._listen(self._receptions(lobby, tls))
        try:
            started([_written(one.getsockname()) for one in server.sockets])
            place.report(ChannelStarted(place.channel, place.site))
            await self._watch(lobby, tls)
        finally:
            server.close()
            await lobby.close()
            place.report(ChannelStopped(place.channel, place.site))

    def check(self) -> str | None:
        """Try the files and the port for a moment. While it runs, it says the port is in use."""
        if fault := examine(self._settings, self._surroundings.clock):
            return str(fault)
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            return f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}"
        return None

    def _receptions(self, lobby: Lobby, tls: TlsWatch | None) -> Callable[[], asyncio.Protocol]:
        """Return what makes the protocol object of each new connection."""
        settings = self._settings.tls
        if tls is None or settings is None:
            return lambda: Connection(lobby, self._answers)
        wait_s, names = settings.handshake_s, frozenset(settings.client_names)
        return lambda: Secured(Connection(lobby, self._answers), tls.context, wait_s, names)

    async def _listen(self, reception: Callable[[], asyncio.Protocol]) -> asyncio.Server:
        host, port = self._settings.host, self._settings.port
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_server(reception, host, port, backlog=BACKLOG)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            code = "port-in-use" if in_use else "cannot-listen"
            where = f"{self._surroundings.channel} {host}:{port}"
            raise refuse(
                Category.UNAVAILABLE, code, "the channel cannot listen on its port", where
            ) from error

    async def _watch(self, lobby: Lobby, tls: TlsWatch | None) -> None:
        limits = self._settings
        pause_s = min(TICK_S, limits.end_grace_s / 2, limits.frame_deadline_s / 4)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(pause_s)
            now = loop.time()
            lobby.tick(now)
            if tls is not None:
                tls.tick(now)


def examine(settings: MllpIn, clock: Clock) -> Fault | None:
    """Say what keeps the files of the settings from being used."""
    if settings.tls is not None:
        try:
            prepare_tls(settings.tls, clock.now_us())
        except FaultError as error:
            return error.fault
    return None


def _written(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


SPEC = ChannelSpec(
    name="mllp",
    direction="in",
    config=MllpIn,
    build=MllpInbound,
    summary="HL7 v2 over TCP (MLLP). Answers AA or CA when the message is on disk.",
    example="mercy-adt: {type: mllp, site: mercy, direction: in, port: 2575}\n",
    examine=examine,
    ports=lambda settings: [settings.port] if settings.port else [],
)
