"""Which certificate a server showed that TLS refused: whose it is and until when it is valid.

Python does not hand out a certificate it could not verify, and "verify failed" does not tell the
operator of which server, or since when. So it is looked at in a handshake of its own, over which
nothing is ever sent or read. Whether a server is believed is decided elsewhere, and was: it is not.
"""

import socket
import ssl
from datetime import UTC, datetime

from cryptography import x509

_MOST_NAMES = 3


def shown(address: str, port: int, host: str, timeout_s: float) -> x509.Certificate | None:
    """Return the certificate of the server at `address`; None when it shows none. Blocks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # to read what was refused; no request goes over this
    try:
        with (
            socket.create_connection((address, port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            found = secured.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(found) if found else None
    except (OSError, ValueError):
        return None


def names(certificate: x509.Certificate) -> str:
    """Return the host names a certificate is for, the first few, comma separated."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        found = [str(one.value).lower() for one in extension.value]
    except (x509.ExtensionNotFound, ValueError):
        return ""
    return ",".join(one for one in found[:_MOST_NAMES] if one.isascii() and one.isprintable())


def day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def described(certificate: x509.Certificate) -> str:
    """Say in words whose certificate it is, and from when to when it is valid."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"certificate of {names(certificate) or 'nobody'}, valid {day(begin)} to {day(end)}"
