"""A listener on a real socket and a sender that can misbehave."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from channels.mllp.framing import Frame, Framer, wrap
from channels.mllp.inbound import MllpInbound
from channels.mllp.settings import MllpIn
from engine.plugin.event import ChannelEvent
from engine.plugin.kit import running
from engine.plugin.memory import MemoryIntake, surroundings
from engine.plugin.protocol import Admission, Surroundings
from engine.plugin.tally import Tally

HEADER = "MSH|^~\\&|TEST|MERCY|ENGINE|NORTH|20261120103000||ADT^A01^ADT_A01|{}|P|2.5.1"


def message(control_id: object, more: str = "EVN|A01\r") -> bytes:
    return f"{HEADER.format(control_id)}\r{more}".encode()


@dataclass
class Client:
    """A sender. Reads answers as (code, MSA-2)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framer: Framer = field(default_factory=lambda: Framer(1_000_000))
    waiting: list[tuple[str, str]] = field(default_factory=list)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[str, str]:
        async with asyncio.timeout(10):
            while not self.waiting:
                data = await self.reader.read(65_536)
                if not data:
                    raise ConnectionResetError
                for item in self.framer.feed(data):
                    assert isinstance(item, Frame)
                    self.waiting.append(_msa(item.body))
        return self.waiting.pop(0)

    async def ask(self, control_id: object) -> tuple[str, str]:
        await self.write(wrap(message(control_id)))
        return await self.answer()

    async def closed(self) -> bool:
        """Wait until the other side has closed."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def flood(self, data: bytes, pause_s: float = 0) -> None:
        """Write the same bytes until the other side ends it."""
        while True:
            await self.write(data)
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Reset the connection: what was sent and not read is gone (RFC 9293, 3.10.4)."""
        linger = struct.pack("ii", 1, 0)
        connected = self.writer.get_extra_info("socket")
        if connected.fileno() >= 0:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()
        await asyncio.sleep(0)


async def _connect(address: str, **tls: Any) -> Client:
    host, _, port = address.rpartition(":")
    return Client(*await asyncio.open_connection(host, int(port), **tls))


def _msa(body: bytes) -> tuple[str, str]:
    line = next(line for line in body.decode().split("\r") if line.startswith("MSA"))
    cells = [*line.split("|"), "", ""]
    return cells[1], cells[2]


@dataclass
class Listener:
    """One running channel and what it was given."""

    address: str
    intake: MemoryIntake
    place: Surroundings
    events: list[ChannelEvent]

    @property
    def tally(self) -> Tally:
        return self.place.tally

    def codes(self, name: str) -> list[str]:
        return [event.code for event in self.events if event.name == name]

    def control_ids(self) -> list[str]:
        return [one.body.split(b"\r")[0].split(b"|")[9].decode() for one in self.intake.taken]

    @asynccontextmanager
    async def client(self, **tls: Any) -> AsyncIterator[Client]:
        client = await _connect(self.address, **tls)
        try:
            yield client
        finally:
            await client.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what is awaited is the network's doing
                await asyncio.sleep(0.005)


NAME = "concord.region.example"
SENDER = "interface.mercy.example"
Serve = Callable[..., Any]


@asynccontextmanager
async def _serve(
    intake: MemoryIntake | None = None,
    admit: Callable[[bytes], Admission] = lambda _: Admission(),
    **settings: Any,
) -> AsyncIterator[Listener]:
    events: list[ChannelEvent] = []
    place = surroundings(admit, events)
    taking = intake or MemoryIntake()
    channel = MllpInbound(MllpIn.model_validate({"port": 0, **settings}), place)
    async with running(channel, taking) as address:
        yield Listener(address, taking, place, events)


@pytest.fixture
def serve() -> Serve:
    """`async with serve(max_frame_bytes=...) as listener`."""
    return _serve


@pytest.fixture
def mllp_message() -> Callable[..., bytes]:
    return message


@pytest.fixture
def connect() -> Callable[..., Any]:
    """`await connect(address)` gives a client of any listener."""
    return _connect


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def senders() -> trustme.CA:
    """The authority of the senders' certificates."""
    return trustme.CA()


@dataclass
class Papers:
    """The files of one listener and the contexts of its senders."""

    folder: Path
    authority: trustme.CA
    senders: trustme.CA
    name: str = NAME

    def issue(self, authority: trustme.CA | None = None, **how: Any) -> None:
        """Write certificate and key, as a renewal would: the key first, then at once the other."""
        made = (authority or self.authority).issue_cert(NAME, **how)
        key = self.folder / "server.key"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_bytes(made.private_key_pem.bytes())
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        (self.folder / "server.pem").write_bytes(chain)

    def tls(self, **more: Any) -> dict[str, Any]:
        key = {"file": self.folder / "server.key"}
        return {"certificate": self.folder / "server.pem", "key": key, **more}

    def mutual(self, **more: Any) -> dict[str, Any]:
        self.senders.cert_pem.write_to_path(self.folder / "senders.pem")
        return self.tls(client_ca=self.folder / "senders.pem", **more)

    def client(self, authority: trustme.CA | None = None, *, name: str = NAME) -> dict[str, Any]:
        """Return what a sender connects with that trusts the authority."""
        context = ssl.create_default_context()
        (authority or self.authority).configure_trust(context)
        return {"ssl": context, "server_hostname": name}

    def known_client(self, issuer: trustme.CA | None = None, name: str = SENDER) -> dict[str, Any]:
        made = self.client()
        (issuer or self.senders).issue_cert(name).configure_cert(made["ssl"])
        return made


@pytest.fixture
def papers(tmp_path: Path, authority: trustme.CA, senders: trustme.CA) -> Papers:
    made = Papers(tmp_path, authority, senders)
    made.issue()
    return made
