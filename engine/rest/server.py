"""Serves the application over HTTP. The only module that runs uvicorn.

It prints nothing and installs no signal handler: whoever runs the process stops it.
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from engine.core.fault import Category, Fault, FaultError
from engine.rest.deadline import Waiting, deadline_protocol

LOOPBACK = "127.0.0.1"
_MOST_HEADER_BYTES = 32 * 1024
_MOST_CONNECTIONS = 512


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals to the process."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    ready: Callable[[int], None],
    stop: asyncio.Event,
    waiting: Waiting = Waiting(),  # noqa: B008 - a frozen value
) -> None:
    """Serve until `stop` is set, then let running requests finish (at most five seconds).

    `ready` is called once with the port that is listened on (`port` 0 chooses one). Who keeps it
    `waiting` for a request is cut off. FaultError `port-in-use`, `cannot-listen`.
    """
    _silence()
    listener = _bind(host, port)
    config = uvicorn.Config(
        app,
        http=deadline_protocol(waiting),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
    )
    server = _Server(config, lambda: ready(listener.getsockname()[1]))
    async with asyncio.TaskGroup() as group:
        stopper = group.create_task(_stopping(server, stop))
        await server.serve(sockets=[listener])
        stopper.cancel()


async def _stopping(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only if the protocol is named; else answers wait 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        message, where = "the address cannot be listened on", f"{host}:{port}"
        code = "port-in-use" if error.errno == errno.EADDRINUSE else "cannot-listen"
        fault = Fault(Category.UNAVAILABLE, code, message, where)
        raise FaultError(fault) from error
    return listener


def _silence() -> None:
    """Uvicorn's own lines quote requests, and a request may name a patient."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
