"""The MLLP listener: binds the port, accepts connections, watches time limits, drains on stop.

What happens on one connection is in `connection`; this file knows only sockets and life cycle.
"""

import asyncio
import errno
import os
import socket

from channels.mllp.answer import Answers
from channels.mllp.connection import Connection
from channels.mllp.lobby import Lobby
from channels.mllp.settings import MllpIn
from engine.core.fault import Category, refuse
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
        server = await self._listen(lobby)
        try:
            started([_written(one.getsockname()) for one in server.sockets])
            place.report(ChannelStarted(place.channel, place.site))
            await self._watch(lobby)
        finally:
            server.close()
            await lobby.close()
            place.report(ChannelStopped(place.channel, place.site))

    def check(self) -> str | None:
        """Try the port for a moment. While the channel runs, it says that the port is in use."""
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            return f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}"
        return None

    async def _listen(self, lobby: Lobby) -> asyncio.Server:
        host, port = self._settings.host, self._settings.port
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_server(
                lambda: Connection(lobby, self._answers), host, port, backlog=BACKLOG
            )
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            code = "port-in-use" if in_use else "cannot-listen"
            where = f"{self._surroundings.channel} {host}:{port}"
            raise refuse(
                Category.UNAVAILABLE, code, "the channel cannot listen on its port", where
            ) from error

    async def _watch(self, lobby: Lobby) -> None:
        limits = self._settings
        pause_s = min(TICK_S, limits.end_grace_s / 2, limits.frame_deadline_s / 4)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(pause_s)
            lobby.tick(loop.time())


def _written(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


SPEC = ChannelSpec(
    name="mllp",
    direction="in",
    config=MllpIn,
    build=MllpInbound,
    summary="HL7 v2 over TCP (MLLP). Answers AA or CA when the message is on disk.",
    example="mercy-adt: {type: mllp, site: mercy, direction: in, port: 2575, host: 0.0.0.0}\n",
    ports=lambda settings: [settings.port] if settings.port else [],
)
