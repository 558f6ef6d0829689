"""TLS and mutual TLS over real sockets, with OpenSSL's client: who gets in, and what is said."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from channels.mllp.framing import wrap
from engine.core.clock import SystemClock
from engine.plugin.memory import MemoryIntake

SENDER = "interface.mercy.example"
Message = Callable[..., bytes]


def now() -> datetime:
    return datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC)


def refusals(listener: Any) -> list[str]:
    codes: list[str] = listener.codes("peer-dropped")
    return codes


def test_a_sender_that_trusts_the_authority_is_served(serve: Any, papers: Any) -> None:
    async def run() -> None:
        async with serve(tls=papers.tls()) as listener, listener.client(**papers.client()) as good:
            for number in range(20):
                assert await good.ask(number) == ("AA", str(number))
            session = good.writer.get_extra_info("ssl_object")
            assert session.version() == "TLSv1.3"
        assert refusals(listener) == []
        assert listener.tally.connections == 0

    asyncio.run(run())


def test_large_messages_in_pieces_and_many_at_once(
    serve: Any, papers: Any, mllp_message: Message
) -> None:
    async def run() -> None:
        async with serve(tls=papers.tls()) as listener, listener.client(**papers.client()) as good:
            big = wrap(mllp_message("big", "Z" * 5_000_000))
            await good.write(big)
            assert await good.answer() == ("AA", "big")
            assert listener.intake.taken[0].body == big[1:-2]
            await good.write(b"".join(wrap(mllp_message(number)) for number in range(2000)))
            answers = [await good.answer() for _ in range(2000)]
            assert answers == [("AA", str(number)) for number in range(2000)]

    asyncio.run(run())


def ask_once(address: str, papers: dict[str, Any]) -> None:
    """Ask as a program without asyncio does, whose TLS client hides alerts and leaks sockets."""
    host, _, port = address.rpartition(":")
    context, name = papers["ssl"], papers["server_hostname"]
    with (
        socket.create_connection((host, int(port)), timeout=10) as connected,
        context.wrap_socket(connected, server_hostname=name) as secured,
    ):
        secured.sendall(wrap(b"MSH|^~\\&|TEST|MERCY|ENGINE|NORTH|||ADT^A01|never|P|2.5.1\r"))
        if not secured.recv(1000):
            raise ConnectionResetError


async def turned_away(listener: Any, papers: dict[str, Any]) -> None:
    """In TLS 1.3 a sender believes itself connected until it reads the alert."""
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await asyncio.to_thread(ask_once, listener.address, papers)


def test_a_sender_of_another_authority_or_name_goes_away(serve: Any, papers: Any) -> None:
    async def run() -> None:
        async with serve(tls=papers.tls()) as listener:
            for wrong in (papers.client(trustme.CA()), papers.client(name="other.example")):
                with pytest.raises(ssl.SSLCertVerificationError):
                    await asyncio.to_thread(ask_once, listener.address, wrong)
            await listener.until(lambda: len(refusals(listener)) == 2)
            assert set(refusals(listener)) == {"handshake-refused-by-peer"}
            assert listener.tally.connections_refused == 2
            assert listener.tally.bytes_received == 0
            async with listener.client(**papers.client()) as good:
                assert await good.ask(1) == ("AA", "1")

    asyncio.run(run())


def test_mutual_tls_lets_in_whom_the_authority_vouches_for(serve: Any, papers: Any) -> None:
    async def run() -> None:
        async with serve(tls=papers.mutual()) as listener:
            await turned_away(listener, papers.client())
            await turned_away(listener, papers.known_client(papers.authority))
            async with listener.client(**papers.known_client()) as good:
                assert await good.ask(2) == ("AA", "2")
            assert refusals(listener) == [
                "client-certificate-missing",
                "client-certificate-refused",
            ]
            assert listener.control_ids() == ["2"]

    asyncio.run(run())


def test_an_expired_sender_is_refused(serve: Any, papers: Any) -> None:
    async def run() -> None:
        late = papers.client()
        past = now() - timedelta(days=1)
        papers.senders.issue_cert(SENDER, not_after=past).configure_cert(late["ssl"])
        async with serve(tls=papers.mutual()) as listener:
            await turned_away(listener, late)
            assert refusals(listener) == ["client-certificate-refused"]
            assert listener.intake.taken == []

    asyncio.run(run())


def test_only_named_senders(serve: Any, papers: Any) -> None:
    async def run() -> None:
        async with serve(tls=papers.mutual(client_names=[SENDER])) as listener:
            await turned_away(listener, papers.known_client(name="other.mercy.example"))
            async with listener.client(**papers.known_client()) as good:
                assert await good.ask(1) == ("AA", "1")
            assert refusals(listener) == ["client-name-not-allowed"]
            assert listener.control_ids() == ["1"]

    asyncio.run(run())


def test_a_sender_s_own_certificate_can_be_the_pin(serve: Any, papers: Any, tmp_path: Path) -> None:
    async def run() -> None:
        known = papers.client()
        issued = papers.senders.issue_cert(SENDER)
        issued.configure_cert(known["ssl"])
        pin = tmp_path / "pin.pem"
        issued.cert_chain_pems[0].write_to_path(pin)
        async with serve(tls=papers.tls(client_ca=pin)) as listener:
            await turned_away(listener, papers.known_client())
            async with listener.client(**known) as good:
                assert await good.ask(1) == ("AA", "1")
            assert refusals(listener) == ["client-certificate-refused"]

    asyncio.run(run())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("minimum", "newest"), [("1.2", ssl.TLSVersion.TLSv1_1), ("1.3", ssl.TLSVersion.TLSv1_2)]
)
def test_an_older_version_is_refused(
    serve: Any, papers: Any, minimum: str, newest: ssl.TLSVersion
) -> None:
    async def run() -> None:
        old = papers.client()
        old["ssl"].set_ciphers("ALL:@SECLEVEL=0")
        old["ssl"].minimum_version = ssl.TLSVersion.TLSv1
        old["ssl"].maximum_version = newest
        async with serve(tls=papers.tls(minimum=minimum)) as listener:
            await turned_away(listener, old)
            assert refusals(listener) == ["tls-version-refused"]

    asyncio.run(run())


def test_tls_1_2_is_served(serve: Any, papers: Any) -> None:
    async def run() -> None:
        older = papers.known_client()
        older["ssl"].maximum_version = ssl.TLSVersion.TLSv1_2
        async with serve(tls=papers.mutual()) as listener, listener.client(**older) as good:
            assert await good.ask(1) == ("AA", "1")
            assert good.writer.get_extra_info("ssl_object").version() == "TLSv1.2"

    asyncio.run(run())


def test_plain_text_into_tls_is_refused_before_a_message_is_read(
    serve: Any, papers: Any, mllp_message: Message
) -> None:
    async def run() -> None:
        async with serve(tls=papers.tls()) as listener, listener.client() as plain:
            await plain.write(wrap(mllp_message(1)))
            assert await plain.closed()
            assert refusals(listener) == ["plain-text-on-tls-port"]
            assert listener.tally.connections_refused == 1
            assert listener.intake.taken == []

    asyncio.run(run())


def test_tls_into_a_plain_port_is_refused_at_once(serve: Any, papers: Any) -> None:
    async def run() -> None:
        async with serve() as listener:
            await turned_away(listener, papers.client())
            assert refusals(listener) == ["tls-on-plain-port"]
            assert listener.tally.connections_refused == 1

    asyncio.run(run())


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_that_takes_too_long_is_closed(serve: Any, papers: Any, hello: bytes) -> None:
    async def run() -> None:
        limits = {"tls": papers.tls(handshake_s=0.3), "max_connections": 2}
        async with serve(**limits) as listener, listener.client() as slow:
            await slow.write(hello)
            async with listener.client(**papers.client()) as good:
                assert await good.ask(1) == ("AA", "1")
            async with asyncio.timeout(3):
                assert await slow.closed()
            assert refusals(listener) == ["handshake-deadline"]
            assert listener.tally.connections == 0

    asyncio.run(run())


def test_garbage_behind_a_hello_is_refused(serve: Any, papers: Any) -> None:
    async def run() -> None:
        async with serve(tls=papers.tls()) as listener, listener.client() as bad:
            await bad.write(b"\x16\x03\x01\x00\x20" + b"\xff" * 32)
            async with asyncio.timeout(5):
                assert (await bad.reader.read())[:1] == b"\x15"  # an alert, and the end
            assert refusals(listener) == ["handshake-failed"]

    asyncio.run(run())


def test_a_peer_that_is_not_listed_is_closed_before_the_handshake(serve: Any, papers: Any) -> None:
    async def run() -> None:
        async with serve(tls=papers.tls(), allow=["10.3.0.7"]) as listener:
            await turned_away(listener, papers.client())
            assert refusals(listener) == ["peer-not-allowed"]
            assert listener.tally.connections_refused == 1

    asyncio.run(run())


def test_a_sender_that_shuts_its_side_still_gets_its_answers(
    serve: Any, papers: Any, mllp_message: Message
) -> None:
    """Such a sender says TLS's farewell and then reads on; here it is made of a memory buffer."""

    async def run() -> None:
        intake = MemoryIntake(hold=True)
        async with serve(intake, tls=papers.tls()) as listener:
            host, _, port = listener.address.rpartition(":")
            arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
            context = papers.client()["ssl"]
            session = context.wrap_bio(arriving, leaving, server_hostname=papers.name)
            reader, writer = await asyncio.open_connection(host, int(port))

            async def turn() -> None:
                writer.write(leaving.read())
                arriving.write(await reader.read(65_536))

            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await turn()
            session.write(wrap(mllp_message(1)))
            with contextlib.suppress(ssl.SSLError):
                session.unwrap()
            writer.write(leaving.read())
            await intake.arrival()
            asyncio.get_running_loop().call_later(0.1, intake.release)
            async with asyncio.timeout(5):
                arriving.write(await reader.read())
            assert b"MSA|AA|1\r" in session.read(65_536)
            writer.close()
            await listener.until(lambda: listener.tally.connections == 0)
            assert listener.tally.accepted == 1

    asyncio.run(run())


def test_a_renewed_certificate_is_taken_and_nobody_is_cut_off(serve: Any, papers: Any) -> None:
    async def run() -> None:
        fresh = trustme.CA()
        async with serve(tls=papers.tls()) as listener, listener.client(**papers.client()) as old:
            assert await old.ask(1) == ("AA", "1")
            (papers.folder / "server.key").write_bytes(b"half a renewal")
            await listener.until(lambda: "key-damaged" in listener.codes("certificate-noticed"))
            async with listener.client(**papers.client()) as still:
                assert await still.ask(2) == ("AA", "2")
            papers.issue(fresh)
            noticed = listener.codes
            await listener.until(lambda: "certificate-renewed" in noticed("certificate-noticed"))
            async with listener.client(**papers.client(fresh)) as new:
                assert await new.ask(3) == ("AA", "3")
            assert await old.ask(4) == ("AA", "4")
            assert refusals(listener) == []

    asyncio.run(run())


def test_the_days_left_are_counted_and_warned_of(serve: Any, papers: Any) -> None:
    async def run() -> None:
        soon = now() + timedelta(days=6.5)
        papers.issue(not_after=soon)
        async with serve(tls=papers.tls()) as listener:
            assert listener.tally.certificate_days == pytest.approx(6.5, abs=0.1)
            assert listener.codes("certificate-noticed") == ["certificate-7-days-left"]

    asyncio.run(run())


@pytest.fixture
def deaf(papers: Any) -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        yield made


def test_a_sender_that_never_reads_its_answers_is_closed(
    serve: Any, papers: Any, deaf: socket.socket, mllp_message: Message
) -> None:
    frames = b"".join(wrap(mllp_message(number)) for number in range(200))

    def flood(port: int) -> None:
        deaf.settimeout(15)
        deaf.connect(("127.0.0.1", port))
        with papers.client()["ssl"].wrap_socket(deaf, server_hostname=papers.name) as connected:
            while True:
                connected.sendall(frames)

    async def run() -> None:
        async with serve(tls=papers.tls(), frame_deadline_s=1) as listener:
            port = int(listener.address.rpartition(":")[2])
            with pytest.raises(OSError, match=r"reset|EOF|pipe"):
                await asyncio.to_thread(flood, port)
            assert refusals(listener) == ["answers-not-read"]

    asyncio.run(run())
