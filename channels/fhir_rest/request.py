"""What a request brings: which deliveries, and what is wrong with it before anyone maps it.

FHIR R4, http.html#create, #update, #transaction. A resource is one delivery, as it was sent; so is
a transaction, because all of it counts or nothing. Of a batch each entry is one. A condition has to
be decided where the delivery is worked off, so it travels with it: as the transaction of one entry
that says the same. Pure; knows neither HTTP nor the intake.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.fault import Category, Fault, FaultError, refuse
from engine.core.lexeme import encode
from engine.core.values import FHIR_EVENT, FHIR_JSON
from engine.formats.fhir_event import check_time, notified
from engine.formats.fhir_json import read_json
from engine.formats.fhir_request import Request, read_request, wrapped
from engine.plugin.web import Posted

NOT_A_RESOURCE = Fault(
    Category.INVALID, "not-a-resource", "the body is no object with a resourceType"
)
OTHER_TYPE = Fault(
    Category.INVALID, "resource-type-differs", "the address names another type than the body"
)
OTHER_ID = Fault(
    Category.INVALID, "resource-id-differs", "the address names another id than the body"
)
BUNDLE_TYPE = Fault(
    Category.UNSUPPORTED,
    "bundle-type",
    "only bundles of type batch and transaction are taken",
    "Bundle.type",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What becomes one envelope, or the fault for which it does not."""

    type: str
    body: bytes = b""
    fault: Fault | None = None
    media_type: str = FHIR_JSON


@dataclass(frozen=True, slots=True)
class Asked:
    """A request taken apart. `form` and `types` as in `engine.plugin.web.Answered`."""

    form: str
    deliveries: tuple[Delivery, ...]
    types: tuple[str, ...] = ()


def asked(posted: Posted) -> Asked:
    """Take a request apart. FaultError when it is refused as a whole."""
    value = read_json(posted.body)
    kind = value.get("resourceType") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or not kind:
        raise FaultError(NOT_A_RESOURCE)
    if not posted.type:
        return _bundle(posted, value, kind)
    return Asked("resource", (_single(posted, value, kind),))


def heard(body: bytes, now: datetime) -> Asked:
    """Take an event apart. FaultError when it is none, or not of these days."""
    value = read_json(body)
    found = notified(value)
    if found.resources or found.named_only:
        check_time(value, now)
    deliveries = [Delivery(kind, resource) for kind, resource in found.resources]
    if found.named_only:
        deliveries.append(Delivery("Bundle", body, media_type=FHIR_EVENT))
    return Asked("batch", tuple(deliveries))


def _single(posted: Posted, value: Mapping[str, Any], kind: str) -> Delivery:
    if kind != posted.type:
        raise FaultError(OTHER_TYPE)
    if posted.id and value.get("id") != posted.id:
        raise FaultError(OTHER_ID)
    request = Request(posted.method, kind, posted.id, posted.condition, posted.version)
    return Delivery(kind, wrapped(request, posted.body) if request.depends else posted.body)


def _bundle(posted: Posted, value: Mapping[str, Any], kind: str) -> Asked:
    if kind != "Bundle" or value.get("type") not in {"batch", "transaction"}:
        raise FaultError(BUNDLE_TYPE)
    entries = value.get("entry", [])
    if not isinstance(entries, list) or not entries:
        message = "the bundle has no entries"
        raise refuse(Category.INVALID, "bundle-empty", message, "Bundle.entry")
    if value["type"] == "batch":
        return Asked("batch", tuple(_entry(entry, at) for at, entry in enumerate(entries)))
    types = tuple(_checked(entries))
    return Asked("transaction", (Delivery("Bundle", posted.body),), types)


def _checked(entries: list[Any]) -> Iterator[str]:
    """Yield the types of a transaction's entries. FaultError for the first that is not taken."""
    for at, entry in enumerate(entries):
        request = _request(entry, at)
        if request.depends and len(entries) > 1:
            message = "a transaction of several entries may not have conditions"
            where = f"Bundle.entry[{at}].request"
            raise refuse(Category.UNSUPPORTED, "bundle-condition", message, where)
        yield request.type


def _entry(entry: Any, at: int) -> Delivery:
    try:
        request = _request(entry, at)
    except FaultError as error:
        return Delivery("", fault=error.fault)
    body = encode(entry["resource"])
    return Delivery(request.type, wrapped(request, body) if request.depends else body)


def _request(entry: Any, at: int) -> Request:
    where = f"Bundle.entry[{at}]"
    resource = entry.get("resource") if isinstance(entry, Mapping) else None
    kind = resource.get("resourceType") if isinstance(resource, Mapping) else None
    if not isinstance(resource, Mapping) or not isinstance(kind, str):
        raise refuse(NOT_A_RESOURCE.category, NOT_A_RESOURCE.code, NOT_A_RESOURCE.message, where)
    request = read_request(entry, where)
    for fault, differs in (
        (OTHER_TYPE, kind != request.type),
        (OTHER_ID, bool(request.id) and resource.get("id") != request.id),
    ):
        if differs:
            raise refuse(fault.category, fault.code, fault.message, where)
    return request
