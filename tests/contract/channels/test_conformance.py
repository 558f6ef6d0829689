"""The conformance kit over every channel the project has."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

import pytest
import trustme

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


async def connect(address: str, **tls: Any) -> Sender:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), **tls)
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


@pytest.fixture(scope="module")
def mllp_over_tls(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The same channel behind mutual TLS."""
    folder, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    (folder / "both.pem").chmod(0o600)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("sender.example").configure_cert(context)
    tls = {
        "certificate": folder / "both.pem",
        "key": {"file": folder / "both.pem"},
        "client_ca": folder / "ca.pem",
    }
    config = SPEC.config.model_validate({"port": 0, "tls": tls})
    return Bench(
        lambda surroundings: SPEC.build(config, surroundings),
        lambda address: connect(address, ssl=context, server_hostname=HOST),
        number_of,
    )


HOST = "concord.example"
REGISTRY = Registry().with_spec(SPEC)


def test_every_inbound_channel_has_a_bench() -> None:
    assert {spec.name for spec in REGISTRY if spec.direction == "in"} == set(BENCHES)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", BENCHES)
def test_conforms(name: str, check: Check) -> None:
    assert asyncio.run(check(BENCHES[name])) == ""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms_over_tls(mllp_over_tls: Bench, check: Check) -> None:
    assert asyncio.run(check(mllp_over_tls)) == ""
