"""TLS around one connection: encrypted bytes on the socket's side, plain ones on the protocol's.

A layer between an asyncio transport and a protocol: each sees the other as it would without TLS.
It drives OpenSSL through memory buffers instead of asyncio's own TLS, which cannot say why a
handshake failed, begins one before anybody has looked at the peer, and answers nobody who has
shut his side (RFC 8446, 6.1 lets him wait for what is still due).

Rule 1: the inner protocol is told of the connection before the first byte is read, and may refuse
        it then; it hears nothing else before the handshake is done.
Rule 2: every refusal has a code; the peer gets TLS's own alert, never a byte in the clear.
"""

import asyncio
import ssl
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Protocol, cast

_HANDSHAKE = b"\x16"  # ContentType of every first record (RFC 8446, 5.1)
_PIECE = 65_536
_BY_REASON = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "client-certificate-missing",
    "CERTIFICATE_VERIFY_FAILED": "client-certificate-refused",
    "UNSUPPORTED_PROTOCOL": "tls-version-refused",
    "NO_SHARED_CIPHER": "tls-cipher-refused",
}


class Inner(Protocol):
    """What the layer asks of the protocol inside."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...

    def refuse(self, code: str) -> None:
        """Note that the peer is turned away for this reason, and abort."""
        ...


class Secured(asyncio.Protocol):
    """The protocol of the socket and, to the inner protocol, its transport."""

    def __init__(
        self,
        inner: Inner,
        context: ssl.SSLContext,
        handshake_s: float,
        names: Collection[str] = (),
    ) -> None:
        self._inner = inner
        self._arriving = ssl.MemoryBIO()
        self._leaving = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._arriving, self._leaving, server_side=True)
        self._handshake_s = handshake_s
        self._names = names
        self._heard = False
        self._agreed = False
        self._shut = False  # the peer sends no more
        self._ended = False

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.start(cast("asyncio.Transport", transport), asyncio.get_running_loop())

    def start(self, raw: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Begin on a transport, with the loop that keeps the handshake's deadline."""
        self._raw = raw
        self._deadline = loop.call_later(self._handshake_s, self._refuse, "handshake-deadline")
        self._inner.connection_made(cast("asyncio.Transport", self))

    def data_received(self, data: bytes) -> None:
        if self._ended or self._shut:
            return
        if not self._heard:
            self._heard = True
            if data[:1] != _HANDSHAKE:
                self._refuse("plain-text-on-tls-port")
                return
        self._arriving.write(data)
        if self._agreed or self._shake():
            self._read()

    def eof_received(self) -> bool:
        """A peer that ends without TLS's farewell has ended all the same: frames have end marks."""
        if not self._agreed:
            if self._heard:
                self._refuse("handshake-incomplete")
            return False
        return self._shut or self._end_of_input()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._deadline.cancel()
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    # what the inner protocol calls

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._raw.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._raw.resume_reading()

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest and not self._ended:
                rest = rest[self._session.write(rest) :]  # a record at a time
        except ssl.SSLError:
            self._refuse("tls-broken")
        self._flush()

    def close(self) -> None:
        """Say farewell and close when everything has been sent."""
        if self._agreed and not self._ended:
            with suppress(ssl.SSLError):  # the peer's own farewell is not waited for
                self._session.unwrap()
            self._flush()
        self._ended = True
        self._raw.close()

    def abort(self) -> None:
        self._ended = True
        self._raw.abort()

    # TLS

    def _shake(self) -> bool:
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._refuse(_code(error))
            return False
        self._flush()
        if self._names and not self._is_named():
            self._refuse("client-name-not-allowed")
            return False
        self._agreed = True
        self._deadline.cancel()
        return True

    def _is_named(self) -> bool:
        shown = (self._session.getpeercert() or {}).get("subjectAltName", ())
        return any(kind == "DNS" and name in self._names for kind, name in cast("Any", shown))

    def _read(self) -> None:
        pieces = []
        try:
            while piece := self._session.read(_PIECE):
                pieces.append(piece)
            over = True
        except ssl.SSLWantReadError:
            over = False
        except ssl.SSLZeroReturnError:
            over = True
        except ssl.SSLError:
            self._refuse("tls-broken")
            return
        self._flush()  # an answer to a change of keys
        if pieces:
            self._inner.data_received(b"".join(pieces))
        if over:
            self._end_of_input()

    def _end_of_input(self) -> bool:
        self._shut = True
        return not self._ended and self._inner.eof_received()

    def _flush(self) -> None:
        if not self._ended and self._leaving.pending:
            self._raw.write(self._leaving.read())

    def _refuse(self, code: str) -> None:
        if self._ended:
            return
        self._deadline.cancel()
        self._flush()  # the alert
        self._ended = True
        self._raw.close()
        self._inner.refuse(code)


def _code(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if "ALERT" in reason:
        return "handshake-refused-by-peer"
    return _BY_REASON.get(reason, "handshake-failed")
