"""The conformance kit over every channel the project has."""

import asyncio
from dataclasses import dataclass

import pytest

from channels.mllp.framing import Frame, Framer, wrap
from channels.mllp.inbound import SPEC
from engine.plugin.kit import CHECKS, Bench, Check, Sender
from engine.plugin.spec import Registry

HEADER = "MSH|^~\\&|TEST|MERCY|ENGINE|NORTH|20261120103000||ADT^A01^ADT_A01|{}|P|2.5.1\rEVN|A01\r"


@dataclass
class MllpSender:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framer: Framer

    async def send(self, number: int) -> bool:
        self.writer.write(wrap(HEADER.format(number).encode()))
        while True:
            data = await self.reader.read(65_536)
            if not data:
                raise ConnectionResetError
            for item in self.framer.feed(data):
                assert isinstance(item, Frame)
                msa = next(line for line in item.body.split(b"\r") if line.startswith(b"MSA"))
                _, code, control_id, *_ = msa.split(b"|")
                assert control_id == str(number).encode()
                return code in {b"AA", b"CA"}

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)


async def connect(address: str) -> Sender:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    return MllpSender(reader, writer, Framer(1_000_000))


def number_of(body: bytes) -> int:
    return int(body.split(b"\r")[0].split(b"|")[9])


BENCHES = {
    "mllp": Bench(
        lambda surroundings: SPEC.build(SPEC.config.model_validate({"port": "0"}), surroundings),
        connect,
        number_of,
    )
}
REGISTRY = Registry().with_spec(SPEC)


def test_every_inbound_channel_has_a_bench() -> None:
    assert {spec.name for spec in REGISTRY if spec.direction == "in"} == set(BENCHES)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", BENCHES)
def test_conforms(name: str, check: Check) -> None:
    assert asyncio.run(check(BENCHES[name])) == ""
