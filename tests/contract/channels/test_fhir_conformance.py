"""The conformance kit over the FHIR channel, behind the real endpoint on a real port."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from channels.fhir_rest.inbound import SPEC, FhirInbound
from engine.database.sqlite import SqliteDatabase
from engine.plugin.kit import CHECKS, Bench, Check, Sender
from engine.plugin.protocol import Inbound, Intake, Started, Surroundings
from engine.rest.app import create_app
from engine.rest.server import serve
from tests.integration.feed.endpoint import endpoint_on

TOKEN = "a-token-of-the-bench"


@dataclass
class AtEndpoint:
    """The channel and the endpoint it is a door of, run and stopped together."""

    door: FhirInbound
    folder: Path

    async def run(self, intake: Intake, started: Started) -> None:
        stop, ports = asyncio.Event(), list[int]()
        database = SqliteDatabase(self.folder / "store.db")
        app = create_app(endpoint_on(database, doors={"mercy": self.door}))

        async def open_then_serve() -> None:
            async with asyncio.TaskGroup() as inner:
                opened = asyncio.Event()
                run = inner.create_task(self.door.run(intake, lambda _: opened.set()))
                await opened.wait()

                def ready(port: int) -> None:
                    ports.append(port)
                    started([f"127.0.0.1:{port}"])

                await serve(app, "127.0.0.1", 0, ready, stop)
                run.cancel()

        try:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(open_then_serve())
                try:
                    await asyncio.Event().wait()
                finally:
                    stop.set()
                    await asyncio.wait([serving], timeout=10)
        finally:
            database.close()

    def check(self) -> str | None:
        return self.door.check()


@dataclass
class HttpSender:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, number: int) -> bool:
        body = json.dumps({"resourceType": "Patient", "id": str(number)}).encode()
        head = (
            "POST /sources/mercy/fhir/Patient HTTP/1.1\r\nHost: concord.example\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/fhir+json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        status = await self._line()
        length = 0
        while line := (await self._line()).strip():
            name, _, value = line.partition(":")
            length = int(value) if name.lower() == "content-length" else length
        await self.reader.readexactly(length)
        return status.split()[1] == "202"

    async def _line(self) -> str:
        line = await self.reader.readline()
        if not line:
            raise ConnectionResetError
        return line.decode("latin-1")

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)


async def connect(address: str) -> Sender:
    host, _, port = address.rpartition(":")
    return HttpSender(*await asyncio.open_connection(host, int(port)))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    secret = tmp_path / "token"
    secret.touch(mode=0o600)
    secret.write_text(TOKEN)

    def build(surroundings: Surroundings) -> Inbound:
        settings = SPEC.config.model_validate({"token": {"file": str(secret)}, "drain_s": 1})
        return AtEndpoint(FhirInbound(settings, surroundings), tmp_path)

    return Bench(build, connect, lambda body: int(json.loads(body)["id"]))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(bench: Bench, check: Check) -> None:
    assert asyncio.run(check(bench)) == ""
