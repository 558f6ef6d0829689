"""One request to a server and its answer: the only module that imports httpx.

TLS is always verified, redirects are never followed, no proxy and no cookie of the environment is
used, and an answer may be only so long, unpacked, and take only so long. Knows no FHIR.

Rule: a fault names the host and what is wrong, never an address with its query.
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from channels.fhir_pull.certificate import described, shown
from channels.fhir_pull.resolve import Lookup, Network, look_up, resolved
from engine.core.fault import Category, Fault, FaultError, refuse

_UNREACHABLE = "server-unreachable"
_EXPIRED, _NOT_YET, _HOST, _ADDRESS = 10, 9, 62, 64  # X509_V_ERR of openssl/x509_vfy.h
_CERTIFICATE = {
    _EXPIRED: ("server-certificate-expired", "the server's certificate has expired"),
    _NOT_YET: ("server-certificate-early", "the server's certificate is not valid yet"),
    _HOST: ("server-certificate-other-host", "the certificate is for another host"),
    _ADDRESS: ("server-certificate-other-host", "the certificate is for another host"),
}
_UNKNOWN = ("server-certificate-unknown", "no authority we believe vouches for the certificate")
_PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # window bits of zlib


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Line(Protocol):
    """A way to a server."""

    async def ask(
        self, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> Answer:
        """GET, or POST a form. FaultError when no whole answer came."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a server may do to us, and where it may be."""

    timeout_s: float
    max_bytes: int
    allowed: tuple[Network, ...] = ()
    ca: Path | None = None
    lookup: Lookup = look_up


def trust(ca: Path | None) -> ssl.SSLContext:
    """Return whom to believe. FaultError `authority-damaged` or `tls-file-unreadable`."""
    try:
        if ca is not None:
            ca.read_bytes()  # OpenSSL's own words do not tell a missing file from a damaged one
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        text = "the file holds no PEM certificates"
        raise refuse(Category.INVALID, "authority-damaged", text, f"file {ca}") from error
    except OSError as error:
        text = "the file cannot be read"
        raise refuse(Category.UNAVAILABLE, "tls-file-unreadable", text, f"file {ca}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to the address that was looked up and allowed, as the host that was meant."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._context = trust(bounds.ca)
        self._hosts: dict[tuple[str, int], httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        inner = self._inner(host, port)
        bounds = self._bounds
        addresses = await resolved(host, port, bounds.allowed, bounds.lookup)
        request.extensions = {**request.extensions, "sni_hostname": host}
        meant = request.url
        for address in addresses[:-1]:
            request.url = meant.copy_with(host=address)
            try:
                return await inner.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if _tls_error(error) is not None:
                    raise
        request.url = meant.copy_with(host=addresses[-1])
        return await inner.handle_async_request(request)

    def _inner(self, host: str, port: int) -> httpx.AsyncHTTPTransport:
        """Hosts do not share connections: two may have one address, and a certificate each."""
        if (host, port) not in self._hosts:
            self._hosts[host, port] = httpx.AsyncHTTPTransport(verify=self._context, retries=0)
        return self._hosts[host, port]

    async def aclose(self) -> None:
        for inner in self._hosts.values():
            await inner.aclose()


class Wire:
    """Satisfies `Line`. `transport` stands in for the network in tests."""

    def __init__(self, bounds: Bounds, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """FaultError when the authorities to believe cannot be read."""
        self._bounds = bounds
        self._client = httpx.AsyncClient(
            transport=transport or _Pinned(bounds),
            # A handshake that is cancelled from outside leaves its socket to the garbage collector:
            # so connecting has a time of its own, well within the whole.
            timeout=httpx.Timeout(bounds.timeout_s, connect=bounds.timeout_s / 3),
            follow_redirects=False,
            trust_env=False,
        )

    async def ask(
        self, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> Answer:
        host = httpx.URL(url).host
        sent = {"Accept-Encoding": "gzip", "User-Agent": "Concord", **headers}
        method = "GET" if form is None else "POST"
        try:
            async with asyncio.timeout(self._bounds.timeout_s):
                async with self._client.stream(method, url, headers=sent, data=form) as answer:
                    body = await self._body(answer)
        except (TimeoutError, httpx.TimeoutException):
            text = "the server did not answer in time"
            raise refuse(Category.UNAVAILABLE, "server-timeout", text, host) from None
        except httpx.InvalidURL:
            text = "an address cannot be read"
            raise refuse(Category.INVALID, "address-unreadable", text, host) from None
        except httpx.HTTPError as error:
            raise FaultError(await self._broken(error, url)) from None
        finally:
            self._client.cookies.clear()
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, found, body)

    async def _body(self, answer: httpx.Response) -> bytes:
        """Read and unpack, and stop at the first byte too many."""
        packing = answer.headers.get("content-encoding", "identity").strip().lower()
        if packing not in {"identity", "", *_PACKED}:
            text = "the answer is packed in a way that was not asked for"
            raise refuse(Category.UNAVAILABLE, "answer-encoding", text)
        unpack = zlib.decompressobj(_PACKED[packing]) if packing in _PACKED else None
        found = bytearray()
        async for piece in answer.aiter_raw():
            room = self._bounds.max_bytes - len(found) + 1
            found += _unpacked(unpack, piece, room) if unpack else piece
            if len(found) > self._bounds.max_bytes:
                text = "the answer is longer than the channel takes"
                raise refuse(Category.UNAVAILABLE, "answer-too-large", text)
        if unpack and not unpack.eof and found:
            raise refuse(Category.UNAVAILABLE, "answer-cut-off", "the answer ends too early")
        return bytes(found)

    async def _broken(self, error: httpx.HTTPError, url: str) -> Fault:
        cause = _tls_error(error)
        place = httpx.URL(url)
        if cause is None:
            text = "no connection to the server, or it broke"
            return Fault(Category.UNAVAILABLE, _UNREACHABLE, text, place.host)
        if not isinstance(cause, ssl.SSLCertVerificationError):
            text = "the server and we cannot agree on TLS"
            return Fault(Category.UNAVAILABLE, "server-tls-failed", text, place.host)
        code, text = _CERTIFICATE.get(cause.verify_code, _UNKNOWN)
        where = f"{place.host}, {await self._shown(place)}"
        return Fault(Category.UNAVAILABLE, code, text, where)

    async def _shown(self, place: httpx.URL) -> str:
        port, bounds = place.port or 443, self._bounds
        address = (await resolved(place.host, port, bounds.allowed, bounds.lookup))[0]
        found = await asyncio.to_thread(shown, address, port, place.host, bounds.timeout_s)
        return described(found) if found else "certificate not shown again"

    async def close(self) -> None:
        await self._client.aclose()


def _unpacked(unpack: "zlib._Decompress", piece: bytes, room: int) -> bytes:
    try:
        return unpack.decompress(piece, room)
    except zlib.error:
        text = "the answer cannot be unpacked"
        raise refuse(Category.UNAVAILABLE, "answer-encoding", text) from None


@asynccontextmanager
async def wire(bounds: Bounds) -> AsyncIterator[Wire]:
    """Keep connections for as long as the block runs."""
    made = Wire(bounds)
    try:
        yield made
    finally:
        await made.close()


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    """Return what OpenSSL said, from behind what was raised. Causes may lead round in a circle."""
    seen: list[BaseException] = []
    now: BaseException | None = error
    while now is not None and now not in seen:
        if isinstance(now, ssl.SSLError):
            return now
        seen.append(now)
        now = now.__cause__ or now.__context__
    return None
