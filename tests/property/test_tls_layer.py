"""TLS around a protocol: however records and pieces are cut, it says and hears what was said."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.secured import Secured

NAME = "concord.example"


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


@dataclass
class Inside:
    """A protocol that notes what it hears, and says each piece back once it is told to."""

    heard: bytearray = field(default_factory=bytearray)
    deeds: list[str] = field(default_factory=list)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.deeds.append("made")

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.transport.write(data)

    def eof_received(self) -> bool:
        self.deeds.append("eof")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.deeds.append("lost")

    def pause_writing(self) -> None:
        self.deeds.append("pause")

    def resume_writing(self) -> None:
        self.deeds.append("resume")

    def refuse(self, code: str) -> None:
        self.deeds.append(code)
        self.transport.abort()


@dataclass
class Wire:
    """A socket's transport that keeps what is written to it."""

    sent: bytearray = field(default_factory=bytearray)
    deeds: list[str] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        assert not self.deeds
        self.sent += data

    def close(self) -> None:
        self.deeds.append("close")

    def abort(self) -> None:
        self.deeds.append("abort")

    def take(self) -> bytes:
        taken = bytes(self.sent)
        self.sent.clear()
        return taken


class Timer:
    def cancel(self) -> None:
        return


class Loop:
    def call_later(self, *_: object) -> Timer:
        return Timer()


@dataclass
class Play:
    """Both ends in memory; `cut` says how long the pieces are that reach the server."""

    cut: Callable[[], int]

    def __post_init__(self) -> None:
        server, client = contexts()
        self.inside, self.wire = Inside(), Wire()
        self.layer = Secured(self.inside, server, 10.0)
        self.layer.start(cast("Any", self.wire), cast("Any", Loop()))
        self.arriving, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.arriving, self.leaving, server_hostname=NAME)

    def turn(self) -> None:
        """Carry everything both ways."""
        rest = self.leaving.read()
        while rest:
            size = self.cut()
            self.layer.data_received(rest[:size])
            rest = rest[size:]
        self.arriving.write(self.wire.take())

    def shake(self) -> None:
        for _ in range(10):
            with suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
                self.turn()
                return
            self.turn()
        raise AssertionError("no handshake")

    def hear(self) -> bytes:
        heard = bytearray()
        with suppress(ssl.SSLWantReadError):
            while piece := self.client.read(100_000):
                heard += piece
        return bytes(heard)


pieces = st.lists(st.binary(min_size=1, max_size=300) | st.just(b"z" * 40_000), max_size=6)


@settings(max_examples=60, deadline=None)
@given(pieces, st.lists(st.integers(1, 2000), min_size=1, max_size=20))
def test_what_is_said_is_heard_however_it_is_cut(said: list[bytes], sizes: list[int]) -> None:
    turns = iter(range(1_000_000))
    play = Play(lambda: sizes[next(turns) % len(sizes)])
    play.shake()
    for piece in said:
        rest = piece
        while rest:
            rest = rest[play.client.write(rest) :]
        play.turn()
    assert bytes(play.inside.heard) == b"".join(said) == play.hear()
    with suppress(ssl.SSLError):
        play.client.unwrap()
    play.turn()
    assert play.inside.deeds == ["made", "eof"]
    play.layer.write(b"one more answer")
    play.layer.close()
    play.arriving.write(play.wire.take())
    assert play.wire.deeds == ["close"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 600), st.booleans())
def test_any_bytes_are_refused_or_waited_for(noise: bytes, at: int, agreed: bool) -> None:
    """Noise in place of a handshake, in the middle of one, or after it: nothing of it is heard."""
    play = Play(lambda: 100_000)
    if agreed:
        play.shake()
        play.layer.data_received(noise)
    else:
        with suppress(ssl.SSLWantReadError):
            play.client.do_handshake()
        hello = play.leaving.read()
        play.layer.data_received(hello[:at] + noise if at else noise)
    assert play.inside.heard == b""
    codes = [deed for deed in play.inside.deeds if deed not in {"made", "eof"}]
    assert len(codes) <= 1
    assert play.wire.deeds == (["close", "abort"] if codes else [])
    for code in codes:
        assert code in {
            *("plain-text-on-tls-port", "handshake-failed", "tls-broken"),
            *("tls-version-refused", "tls-cipher-refused", "handshake-refused-by-peer"),
        }
