"""TLS of a listening channel: its settings, its files, and the context made of them.

Fails closed: without usable files nothing listens, and there is no way to say "do not verify".
TLS 1.2 is the least (RFC 8446, RFC 9325). Knows no connection and no protocol inside it.

Rule 1: a fault names the file and, where the certificate's time is the matter, its dates; never
        what is in a key.
Rule 2: renewed files are taken when they are whole. Until then the ones in use stay in use, and
        connections that stand are not touched.
"""

import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.core.fault import Category, FaultError, refuse
from engine.plugin.place import SettingPath

DAY_US = 86_400_000_000
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class KeyFile(BaseModel):
    """Where the private key lies: a reference, never the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: SettingPath = Field(
        description="PEM file of the private key, without a passphrase, for its owner (and group)"
    )


class TlsIn(BaseModel):
    """TLS of a listener."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: SettingPath = Field(
        description="PEM file of the server's certificate, followed by those between it and a root"
    )
    key: KeyFile = Field(description="the private key of the certificate")
    client_ca: SettingPath | None = Field(
        default=None,
        description="PEM file of the authorities whose certificates senders have to show, or of "
        "the senders' certificates themselves (mutual TLS); without it none is asked for",
    )
    client_names: tuple[str, ...] = Field(
        default=(),
        description="DNS names, one of which a sender's certificate has to carry; empty: whoever "
        "`client_ca` vouches for",
    )
    minimum: Literal["1.2", "1.3"] = Field(default="1.2", description="oldest TLS version spoken")
    handshake_s: float = Field(
        default=10.0, gt=0, le=120, description="seconds a sender may take to agree on TLS"
    )

    @model_validator(mode="after")
    def _names_need_certificates(self) -> "TlsIn":
        if self.client_names and self.client_ca is None:
            raise ValueError("'client_names' needs 'client_ca'")
        return self


@dataclass(frozen=True, slots=True)
class ServerTls:
    """A context ready for use, and until when its certificate is valid (microseconds, UTC)."""

    context: ssl.SSLContext
    expires_us: int

    def days_left(self, now_us: int) -> float:
        """Return the days until the certificate expires; negative once it has."""
        return (self.expires_us - now_us) / DAY_US


def prepare_tls(settings: TlsIn, now_us: int, *, expired: bool = False) -> ServerTls:
    """Read the files and return the context.

    FaultError when one of them cannot be used: unreadable, a key that others may read or that
    belongs to another certificate, a certificate of another time. `expired` takes an expired one.
    """
    certificate = _leaf(settings.certificate)
    _check_time(certificate, settings.certificate, now_us, expired=expired)
    _check_exposure(settings.key.file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.minimum]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0  # connections live long; a resumed one would skip the client's check
    _load_pair(context, settings)
    if settings.client_ca is not None:
        _load_authorities(context, settings.client_ca)
    return ServerTls(context, _micros(certificate.not_valid_after_utc))


class RenewableTls:
    """What a running listener uses, made anew when its files change."""

    def __init__(self, settings: TlsIn, now_us: int) -> None:
        """FaultError as `prepare_tls`; but an expired one is served, so that clients see why."""
        self._settings = settings
        self._seen = self._stamps()
        self.current = prepare_tls(settings, now_us, expired=True)

    def renew(self, now_us: int) -> bool:
        """Take files that have changed since the last call, and tell whether there were any.

        FaultError when they cannot be used: what was in use stays as it was. Said once per change.
        """
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        self.current = prepare_tls(self._settings, now_us)
        return True

    def _stamps(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(_stamp(path) for path in _files(self._settings))


def _files(settings: TlsIn) -> Iterator[Path]:
    yield settings.certificate
    yield settings.key.file
    if settings.client_ca is not None:
        yield settings.client_ca


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _leaf(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise _unreadable(path) from error
    except ValueError as error:
        message = "the file does not begin with a PEM certificate"
        raise refuse(Category.INVALID, "certificate-damaged", message, f"file {path}") from error


def _check_time(certificate: x509.Certificate, path: Path, now_us: int, *, expired: bool) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    where = f"file {path}, valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d %H:%M} UTC"
    if now_us < _micros(begin):
        message = "the certificate is not valid yet"
        raise refuse(Category.INVALID, "certificate-not-yet-valid", message, where)
    if now_us >= _micros(end) and not expired:
        message = "the certificate has expired"
        raise refuse(Category.INVALID, "certificate-expired", message, where)


def _check_exposure(path: Path) -> None:
    """Its group may read a key: so container platforms hand secrets to a user of their own."""
    try:
        exposed = path.stat().st_mode & stat.S_IRWXO
    except OSError as error:
        raise _unreadable(path) from error
    if exposed:
        message = "others may read this key: allow its owner alone (mode 0600)"
        raise refuse(Category.FORBIDDEN, "key-exposed", message, f"file {path}")


def _load_pair(context: ssl.SSLContext, settings: TlsIn) -> None:
    path = settings.key.file
    try:
        # A passphrase is never asked for: at the terminal of a daemon nobody answers.
        context.load_cert_chain(settings.certificate, path, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = "the key belongs to another certificate"
            raise refuse(Category.INVALID, "key-mismatch", message, f"file {path}") from error
        message = "the file holds no private key that can be used without a passphrase"
        raise refuse(Category.INVALID, "key-damaged", message, f"file {path}") from error
    except OSError as error:
        raise _unreadable(path) from error


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    try:
        path.read_bytes()  # OpenSSL's own words do not tell a missing file from a damaged one
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        message = "the file holds no PEM certificates"
        raise refuse(Category.INVALID, "authority-damaged", message, f"file {path}") from error
    except OSError as error:
        raise _unreadable(path) from error
    context.verify_mode = ssl.CERT_REQUIRED
    # A sender's own certificate, or its issuer's without the root, may stand there as a pin.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _unreadable(path: Path) -> FaultError:
    message = "the file cannot be read"
    return refuse(Category.UNAVAILABLE, "tls-file-unreadable", message, f"file {path}")


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
