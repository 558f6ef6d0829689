"""Which addresses belong to the server that is asked. Pure.

Rule: nothing a server or an event says sends us elsewhere. A `next` link has the base's scheme,
host and port; a reference lies below the base.
"""

import re
from urllib.parse import urlencode, urljoin, urlsplit

from engine.core.fault import Category, Fault, FaultError

NEXT_ELSEWHERE = Fault(
    Category.FORBIDDEN, "next-elsewhere", "the next page lies on another server; not followed"
)
NAMED_ELSEWHERE = Fault(
    Category.FORBIDDEN, "named-elsewhere", "an event names a resource of another server"
)
_PORTS = {"https": 443, "http": 80}
_RESOURCE = re.compile(r"([A-Z][A-Za-z]{2,63})/([A-Za-z0-9\-._~]{1,256})")
_MOST = 8192


def _origin(url: str) -> tuple[str, str, int | None]:
    found = urlsplit(url)
    return found.scheme, found.hostname or "", found.port or _PORTS.get(found.scheme)


def search_url(base: str, kind: str, parameters: list[tuple[str, str]]) -> str:
    query = urlencode(parameters)
    return f"{base}/{kind}?{query}" if query else f"{base}/{kind}"


def next_of(base: str, page: str, link: str) -> str:
    """Return the address of the next page. FaultError `next-elsewhere`."""
    try:
        found = urljoin(page, link)
        same = _origin(found) == _origin(base)
        plain = "@" not in urlsplit(found).netloc and found.isascii() and found.isprintable()
    except ValueError:
        raise FaultError(NEXT_ELSEWHERE) from None
    if not (same and plain and len(found) <= _MOST):
        raise FaultError(NEXT_ELSEWHERE)
    return found.partition("#")[0]


def _below(base: str, url: str) -> str:
    """Return what of an address lies below the base, empty if it does not."""
    path = f"{urlsplit(base).path}/"
    try:
        found = urlsplit(url)
        same = _origin(url) == _origin(base)
        plain = "@" not in found.netloc and not (found.query or found.fragment)
    except ValueError:
        return ""
    return found.path[len(path) :] if same and plain and found.path.startswith(path) else ""


def named(base: str, reference: str) -> tuple[str, str]:
    """Read what an event names: type and id. FaultError `named-elsewhere`.

    A version in it is left out: it is the present that is asked for.
    """
    text = reference.partition("/_history/")[0]
    if "://" in text:
        text = _below(base, text)
    found = _RESOURCE.fullmatch(text)
    if found is None or set(found[2]) <= {"."}:
        raise FaultError(NAMED_ELSEWHERE)
    return found[1], found[2]


def into(base: str, read: tuple[str, str], location: str) -> str:
    """Return the id of the patient to whom a read of another one leads, empty for anything else.

    The address is read and not followed.
    """
    try:
        kind, ident = named(base, urljoin(f"{base}/{read[0]}/{read[1]}", location))
    except (FaultError, ValueError):
        return ""
    return ident if location and read[0] == kind == "Patient" and ident != read[1] else ""
