"""Whom the channel connects to and whom it believes: real sockets, real TLS, names that lie."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from channels.fhir_pull.resolve import Lookup, networks
from channels.fhir_pull.wire import Bounds, Wire, wire
from engine.core.fault import FaultError
from tests.integration.pull.site import Reply, Site, served

pytestmark = pytest.mark.anyio
LOOPBACK = networks(["127.0.0.0/8"])
LONG_AGO = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def shown(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def always(*addresses: str) -> Lookup:
    async def lookup(host: str, port: int) -> Sequence[str]:
        return addresses

    return lookup


def bounds(ca: Path | None = None, lookup: Lookup | None = None) -> Bounds:
    given = {} if lookup is None else {"lookup": lookup}
    return Bounds(timeout_s=10, max_bytes=1 << 20, allowed=LOOPBACK, ca=ca, **given)


async def refused(line: Wire, url: str) -> tuple[str, str]:
    with pytest.raises(FaultError) as caught:
        await line.ask(url, {})
    return caught.value.fault.code, caught.value.fault.where


@asynccontextmanager
async def secured(context: ssl.SSLContext) -> AsyncIterator[Site]:
    async with served(context) as site:
        site.put("Patient", "1")
        yield site


async def test_a_server_that_is_believed(authority: trustme.CA, ca: Path) -> None:
    async with secured(shown(authority.issue_cert("localhost"))) as site, wire(bounds(ca)) as line:
        answer = await line.ask(f"{site.base}/Patient/1", {})
        assert (answer.status, answer.headers["content-type"]) == (200, "application/fhir+json")
        again = await line.ask(f"{site.base}/Patient/1", {})
        assert again.body == answer.body
    host = site.base.removeprefix("https://").removesuffix("/r4")
    assert {one.headers["host"] for one in site.asked} == {host}, "as the host that was meant"


async def test_a_certificate_that_has_expired_is_named(authority: trustme.CA, ca: Path) -> None:
    old = authority.issue_cert(
        "localhost", not_before=LONG_AGO, not_after=LONG_AGO.replace(month=5)
    )
    async with secured(shown(old)) as site, wire(bounds(ca)) as line:
        code, where = await refused(line, f"{site.base}/Patient/1")
        assert code == "server-certificate-expired"
        assert where == "localhost, certificate of localhost, valid 2024-03-01 to 2024-05-01"
        assert site.asked == []


async def test_a_certificate_of_another_host_is_named(authority: trustme.CA, ca: Path) -> None:
    other = authority.issue_cert("fhir.elsewhere.example")
    async with secured(shown(other)) as site, wire(bounds(ca)) as line:
        code, where = await refused(line, f"{site.base}/Patient/1")
        assert code == "server-certificate-other-host"
        assert "certificate of fhir.elsewhere.example, valid 20" in where
        assert site.asked == []


async def test_an_authority_nobody_knows(authority: trustme.CA) -> None:
    mine = shown(authority.issue_cert("localhost"))
    async with secured(mine) as site, wire(bounds()) as line:
        code, where = await refused(line, f"{site.base}/Patient/1")
        assert (code, "certificate of localhost" in where) == ("server-certificate-unknown", True)
        assert site.asked == []


async def test_no_tls_where_tls_is_meant(ca: Path) -> None:
    async with served() as site, wire(bounds(ca)) as line:
        plain = site.base.replace("http://", "https://")
        assert await refused(line, f"{plain}/Patient/1") == ("server-tls-failed", "127.0.0.1")


async def test_old_tls_is_not_spoken(authority: trustme.CA, ca: Path) -> None:
    context = shown(authority.issue_cert("localhost"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with secured(context) as site, wire(bounds(ca)) as line:
        assert (await refused(line, f"{site.base}/Patient/1"))[0] == "server-tls-failed"


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",  # noqa: S104 - never bound
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "224.0.0.1",
        "100.64.0.1",
    ],
)
async def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    async with wire(bounds(lookup=always(address))) as line:
        code, _ = await refused(line, "https://fhir.lakeside.example/r4/Patient/1")
        assert code == "address-not-allowed"


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "127.1", "localhost"])
async def test_spellings_of_this_host_are_refused_unless_it_is_allowed(host: str) -> None:
    strict = Bounds(timeout_s=10, max_bytes=1000)
    async with wire(strict) as line:
        assert (await refused(line, f"http://{host}:9/r4"))[0] == "address-not-allowed"


async def test_a_name_that_changes_is_looked_up_once_for_each_connection() -> None:
    """What is looked up is what is connected to: a second answer is never used unseen."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked: list[str] = []

    async def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers.pop(0)

    async with served() as site, wire(bounds(lookup=lookup)) as line:
        site.put("Patient", "1")
        url = site.base.replace("127.0.0.1", "fhir.lakeside.example") + "/Patient/1"
        assert (await line.ask(url, {})).status == 200
        assert asked == ["fhir.lakeside.example"]
        assert (await refused(line, url))[0] == "address-not-allowed"
    assert len(site.asked) == 1


async def test_only_the_addresses_that_are_allowed_are_tried() -> None:
    async with served() as site, wire(bounds(lookup=always("10.0.0.1", "127.0.0.1"))) as line:
        site.put("Patient", "1")
        assert (await line.ask(f"{site.base}/Patient/1", {})).status == 200


async def test_the_next_address_is_tried_when_one_is_down() -> None:
    async with served() as site, wire(bounds(lookup=always("127.0.0.2", "127.0.0.1"))) as line:
        site.put("Patient", "1")
        assert (await line.ask(f"{site.base}/Patient/1", {})).status == 200


async def test_a_name_nobody_knows() -> None:
    async with wire(bounds()) as line:
        code, _ = await refused(line, "https://no-such-host.invalid/r4")
        assert code == "host-unknown"


async def test_a_connection_that_breaks_in_the_middle() -> None:
    async with served() as site, wire(bounds()) as line:
        site.spoilt.append(lambda _: Reply(body=b"{" + b" " * 10_000, cut=True))
        code, where = await refused(line, f"{site.base}/Patient/1")
        assert (code, where) == ("server-unreachable", "127.0.0.1")


async def test_a_server_that_never_answers() -> None:
    """It takes the connection and says nothing: neither in TLS nor after the request."""
    heard = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.transport.abort()
        heard.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    slow = Bounds(timeout_s=0.6, max_bytes=1000, allowed=LOOPBACK)
    async with server, wire(slow) as line:
        for scheme in ("https", "http"):
            code, where = await refused(line, f"{scheme}://127.0.0.1:{port}/r4")
            assert (code, where) == ("server-timeout", "127.0.0.1")
            await asyncio.wait_for(heard.wait(), 20)  # the connection was closed
            heard.clear()
