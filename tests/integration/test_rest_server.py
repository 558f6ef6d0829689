"""The HTTP server over real sockets: deadlines, bounds and stopping."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from engine.core.fault import FaultError
from engine.rest.deadline import Waiting
from engine.rest.server import LOOPBACK, serve

pytestmark = pytest.mark.anyio
DEADLINE_S = 0.5


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    response: Response = PlainTextResponse("here")
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * DEADLINE_S)
    if scope["path"] == "/body":
        response = PlainTextResponse(str(len(await request.body())))
    await response(scope, receive, send)


@asynccontextmanager
async def running(most: int = 384, told: list[str] | None = None) -> AsyncIterator[int]:
    """Serve `app` on a port of its own until the block ends."""
    waiting = Waiting(DEADLINE_S, most, (told if told is not None else []).append)
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(app, LOOPBACK, 0, port.set_result, stop, waiting))
        yield await asyncio.wait_for(port, 5)
        stop.set()


async def test_requests_are_answered_until_it_is_stopped() -> None:
    async with running() as port, httpx.AsyncClient() as client:
        for _ in range(3):
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "here"
        head = await client.head(f"http://127.0.0.1:{port}/")
        assert (head.status_code, head.content) == (200, b"")
        assert "server" not in head.headers
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, port)


async def test_answers_do_not_wait_for_acknowledgements() -> None:
    async with running() as port, httpx.AsyncClient() as client:
        began = time.monotonic()
        for _ in range(25):
            await client.get(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - began < 25 * 0.03


async def _trickle(port: int, first: bytes, rest: bytes) -> float:
    """Send `first`, then `rest` byte by byte; returns the seconds until it was cut off."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    began = time.monotonic()
    writer.write(first)
    closed = asyncio.ensure_future(reader.read())
    for byte in rest:
        if closed.done() or writer.is_closing():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
    with suppress(ConnectionResetError):
        await asyncio.wait_for(closed, 5)
    writer.close()
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHo", b""),
        (b"GET / HTTP/1.1\r\n", b"Host: concord.example and a very long name that never ends"),
        (b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", b"a=" * 60),
    ],
    ids=["silent", "half a header", "trickled header", "trickled body"],
)
async def test_a_request_that_does_not_come_in_whole_is_cut_off(first: bytes, rest: bytes) -> None:
    told: list[str] = []
    async with running(told=told) as port:
        seconds = await _trickle(port, first, rest)
        assert told == ["request-too-slow"]
        assert DEADLINE_S * 0.8 < seconds < DEADLINE_S * 4
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "here"


async def _get(port: int, source: str) -> bytes:
    """Ask once from an address of loopback's; returns what came, if anything."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=(source, 0))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    found = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return found


async def test_who_only_waits_shuts_out_nobody_else() -> None:
    told: list[str] = []
    async with running(most=20, told=told) as port:
        kept = await asyncio.open_connection(LOOPBACK, port, local_addr=("127.0.0.9", 0))
        idle = []
        for number in range(60):
            idle.append(await asyncio.open_connection(LOOPBACK, port))
            idle[-1][1].write(b"GET / HTTP/1.1\r\nHo")
            if number % 20 == 19:
                assert b"200 OK" in await _get(port, "127.0.0.9")
                assert b"200 OK" in await _get(port, LOOPBACK)
        assert len(told) >= 40
        assert set(told) == {"too-many-waiting"}
        kept[1].write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(kept[0].readline(), 10)
        for _, writer in (*idle, kept):
            writer.close()


async def test_a_slow_answer_is_not_cut_off_nor_is_the_next_request() -> None:
    async with running() as port, httpx.AsyncClient() as client:
        for path, text in (("/slow", "here"), ("/", "here"), ("/slow", "here")):
            response = await client.get(f"http://127.0.0.1:{port}{path}", timeout=10)
            assert response.text == text


async def test_a_second_request_on_a_connection_has_its_own_deadline() -> None:
    async with running() as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(whole)
        assert b"200" in await reader.readline()
        await asyncio.sleep(DEADLINE_S * 0.8)
        writer.write(whole[:10])
        await asyncio.sleep(DEADLINE_S * 0.6)
        writer.write(whole[10:])
        text = await asyncio.wait_for(reader.readuntil(b"200"), 5)
        assert b"here" in text
        writer.write(whole[:10])
        began = time.monotonic()
        with suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 5)
        assert time.monotonic() - began < DEADLINE_S * 4
        writer.close()


async def test_garbage_and_endless_headers_are_refused() -> None:
    async with running() as port:
        for sent in (b"\x16\x03\x01 no http\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"x" * 200_000):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(sent)
            assert b"400" in await asyncio.wait_for(reader.readline(), 5)
            writer.close()


async def test_a_port_in_use_is_a_fault() -> None:
    async with running() as port:
        with pytest.raises(FaultError, match="port-in-use"):
            await serve(app, LOOPBACK, port, lambda _: None, asyncio.Event())


async def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    async with running() as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"nonsense\r\n\r\n")
        await reader.readline()
        writer.close()
    assert capfd.readouterr() == ("", "")
