"""What an answer of a FHIR server holds: a page of a search, or one resource. Pure.

R4, http.html#search and bundle.html#searchset. Status 200 proves nothing: servers send an
OperationOutcome with it, proxies a page of HTML. Whatever is no searchset is a fault.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.clock import EPOCH
from engine.core.fault import Category, Fault, FaultError
from engine.core.lexeme import encode
from engine.formats.fhir_json import read_json

NO_SEARCHSET = Fault(
    Category.UNAVAILABLE, "answer-no-searchset", "the server's answer is no searchset Bundle"
)
NO_RESOURCE = Fault(
    Category.UNAVAILABLE, "answer-no-resource", "the answer is not the resource that was asked for"
)
OUTCOME = Fault(
    Category.UNAVAILABLE, "answer-outcome", "the server answers with an error in an outcome"
)
_ERRORS = frozenset({"error", "fatal"})
_TYPE = re.compile(r"[A-Z][A-Za-z]{2,63}")
_MOST_ID = 256


@dataclass(frozen=True, slots=True)
class Fetched:
    """One resource of the server: `name` is `Type/id`, `updated_us` 0 when it does not say."""

    name: str
    body: bytes
    digest: str
    updated_us: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page. `next` is as the server wrote it; `odd` entries held nothing that can be used."""

    found: tuple[Fetched, ...]
    next: str
    odd: int


def sheet(body: bytes) -> Sheet:
    """Read a page. FaultError: not a searchset, an error in it, or what `read_json` refuses."""
    bundle = _read(body)
    entries = bundle.get("entry", [])
    if bundle.get("resourceType") == "OperationOutcome":
        raise FaultError(OUTCOME)
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "searchset":
        raise FaultError(NO_SEARCHSET)
    if not isinstance(entries, list):
        raise FaultError(NO_SEARCHSET)
    held = [entry.get("resource") if isinstance(entry, Mapping) else None for entry in entries]
    outcomes = [one for one in held if _kind(one) == "OperationOutcome"]
    if any(_is_error(one) for one in outcomes):
        raise FaultError(OUTCOME)
    found = [fetched(one) for one in held]
    good = tuple(one for one in found if one is not None)
    return Sheet(good, _next(bundle), len(found) - len(good) - len(outcomes))


def resource(body: bytes, kind: str, ident: str) -> Fetched:
    """Read the answer to a read. FaultError as `sheet`."""
    value = _read(body)
    if _kind(value) == "OperationOutcome":
        raise FaultError(OUTCOME)
    found = fetched(value)
    if found is None or found.name != f"{kind}/{ident}":
        raise FaultError(NO_RESOURCE)
    return found


def capability(body: bytes) -> Mapping[str, Any]:
    """Read a CapabilityStatement. FaultError `answer-no-resource`."""
    value = _read(body)
    if _kind(value) != "CapabilityStatement":
        raise FaultError(NO_RESOURCE)
    return value


def fetched(value: Any) -> Fetched | None:
    """Return a resource that can be handed on, None for anything else."""
    kind = _kind(value)
    if not kind or kind == "OperationOutcome" or not _TYPE.fullmatch(kind):
        return None
    ident = value.get("id")
    if not isinstance(ident, str) or not ident.isprintable() or not 0 < len(ident) <= _MOST_ID:
        return None
    body = encode(value)
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return Fetched(f"{kind}/{ident}", body, digest, _updated_us(value))


def _read(body: bytes) -> Mapping[str, Any]:
    value = read_json(body)
    return value if isinstance(value, Mapping) else {}


def _kind(value: Any) -> str:
    kind = value.get("resourceType") if isinstance(value, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _is_error(outcome: Any) -> bool:
    issues = outcome.get("issue")
    some: Sequence[Any] = issues if isinstance(issues, list) else ()
    return any(isinstance(one, Mapping) and one.get("severity") in _ERRORS for one in some)


def _next(bundle: Mapping[str, Any]) -> str:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and link.get("relation") == "next":
            url = link.get("url")
            if isinstance(url, str) and url:
                return url
            raise FaultError(NO_SEARCHSET)
    return ""


def _updated_us(value: Mapping[str, Any]) -> int:
    meta = value.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, Mapping) else None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is None or moment.tzinfo is None:
            return 0
        return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return 0
