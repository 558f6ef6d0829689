"""What an entry of a FHIR batch or transaction asks for: create or update, perhaps on a condition.

R4, http.html#transaction and bundle.html: `request.method`, `request.url`, `request.ifNoneExist`.
Deletes, patches and reads are no deliveries and are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.fault import Category, refuse
from engine.core.lexeme import encode

_URL = re.compile(r"([A-Z][A-Za-z]{1,63})(?:/([A-Za-z0-9.\-]{1,64}))?(?:\?([^#\s]{1,4000}))?")
_OCTET = re.compile(rb"%([0-9A-Fa-f]{2})")
_TAG = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"')
_MOST_PAIRS = 30


@dataclass(frozen=True, slots=True)
class Request:
    """`condition` is the search that has to find nothing (POST), or the one to update (PUT).

    `version` is the one an update is meant for, 0 for any.
    """

    method: str
    type: str
    id: str = ""
    condition: str = ""
    version: int = 0

    @property
    def depends(self) -> bool:
        """Tell whether it counts only if the store is as the sender thinks."""
        return bool(self.condition or self.version)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the condition as search parameters. FaultError when it is none."""
        return criteria(self.condition)


def criteria(condition: str) -> list[tuple[str, str]]:
    """Read the search of a condition, percent-encoded. FaultError `condition-unreadable`."""
    pairs = [part.partition("=") for part in condition.split("&")]
    try:
        found = [(_decoded(name), _decoded(value)) for name, _, value in pairs]
    except UnicodeDecodeError:
        found = []
    if not found or len(found) > _MOST_PAIRS or not all(name and value for name, value in found):
        raise refuse(Category.INVALID, "condition-unreadable", "the condition is no search")
    return found


def version_of(tag: object) -> int:
    """Read the version of an If-Match. FaultError `if-match-unreadable`."""
    found = _TAG.fullmatch(tag) if isinstance(tag, str) else None
    if found is None:
        message = "If-Match is no version of ours"
        raise refuse(Category.INVALID, "if-match-unreadable", message)
    return int(found[1])


def _decoded(text: str) -> str:
    octets = text.replace("+", " ").encode()
    return _OCTET.sub(lambda found: bytes.fromhex(found[1].decode()), octets).decode()


def read_request(entry: Mapping[str, Any], where: str = "entry") -> Request:
    """Read `entry.request`. FaultError: `bundle-method`, `bundle-request`."""
    request = entry.get("request")
    given = request if isinstance(request, Mapping) else {}
    method, url = given.get("method"), given.get("url")
    if method not in {"POST", "PUT"}:
        message = "entries create (POST) or update (PUT)"
        raise refuse(Category.UNSUPPORTED, "bundle-method", message, f"{where}.request.method")
    found = _URL.fullmatch(url) if isinstance(url, str) else None
    targets = [bool(found[2]), bool(found[3])] if found else []
    if found is None or sum(targets) != (method == "PUT"):
        message = "the url of the request does not fit its method"
        raise refuse(Category.INVALID, "bundle-request", message, f"{where}.request.url")
    condition = found[3] if method == "PUT" else given.get("ifNoneExist")
    if condition is not None:
        criteria(condition if isinstance(condition, str) else "")
    tag = given.get("ifMatch")
    version = version_of(tag) if tag is not None and method == "PUT" else 0
    return Request(method, found[1], found[2] or "", condition or "", version)


def wrapped(request: Request, resource: bytes) -> bytes:
    """Return the transaction of one entry that says the same; the resource stays as it was sent."""
    asks = {"method": request.method, "url": request.type}
    if request.method == "PUT":
        asks["url"] += f"/{request.id}" if request.id else f"?{request.condition}"
    else:
        asks["ifNoneExist"] = request.condition
    if request.version:
        asks["ifMatch"] = f'W/"{request.version}"'
    head = b'{"resourceType":"Bundle","type":"transaction","entry":[{"request":'
    return head + encode(asks) + b',"resource":' + resource.strip() + b"}]}"


def condition_of(bundle: object) -> Request | None:
    """Return what a transaction of one entry makes conditional, None of anything else."""
    entries = bundle.get("entry") if isinstance(bundle, Mapping) else None
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], Mapping):
        return None
    if not isinstance(entries[0].get("request"), Mapping):
        return None
    request = read_request(entries[0])
    return request if request.depends else None
