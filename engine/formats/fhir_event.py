"""What a notification says: FHIR Subscriptions R5 Backport 1.0 for R4, notification bundles.

A Bundle of type `history` whose first entry tells the state of the subscription as Parameters; the
others hold the resources (payload `full-resource`) or only name them (`id-only`, `empty`). What was
only named has to be fetched by somebody who can: here it is only found out what that is.

A signature over the body alone stays right for ever. So an event says when it happened, is taken
for a week at most (vendors send again for an hour, and let a dead letter be sent for seven days),
and bears its body's digest as a key: what comes twice within that week is known by it. Pure.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.core.fault import Category, Fault, FaultError
from engine.core.lexeme import encode

NO_EVENT = Fault(
    Category.INVALID, "not-a-notification", "the body is no notification of a subscription"
)
UNDATED = Fault(
    Category.INVALID, "event-undated", "the event does not say when it happened", "Bundle.timestamp"
)
UNTIMELY = Fault(
    Category.INVALID,
    "event-untimely",
    "the event is too old, or from the future",
    "Bundle.timestamp",
)
_AHEAD = timedelta(minutes=10)  # by which the sender's clock may be fast
_OLDEST = timedelta(days=7) - _AHEAD  # so whatever may come is still known if it came before
_SILENT = frozenset({"handshake", "heartbeat", "query-status"})
_STATUS = frozenset({"Parameters", "SubscriptionStatus"})


@dataclass(frozen=True, slots=True)
class Notified:
    """The resources that came, each with its type, and whether some were only named.

    `names` are the references of those that did not come, as far as the notification has them.
    """

    resources: tuple[tuple[str, bytes], ...] = ()
    named_only: bool = False
    names: tuple[str, ...] = ()


def notified(value: Any) -> Notified:
    """Read a notification. FaultError `not-a-notification`."""
    entries = value.get("entry") if isinstance(value, Mapping) else None
    if not isinstance(entries, list) or not entries or value.get("type") != "history":
        raise FaultError(NO_EVENT)
    status = _resource(entries[0])
    if status.get("resourceType") not in _STATUS:
        raise FaultError(NO_EVENT)
    if _kind(status) in _SILENT:
        return Notified()
    came = [one for one in map(_resource, entries[1:]) if isinstance(one.get("resourceType"), str)]
    resources = tuple((str(one["resourceType"]), encode(one)) for one in came)
    have = tuple(f"{one['resourceType']}/{one.get('id')}" for one in came)
    told = dict.fromkeys((*_focuses(status), *filter(None, map(_address, entries[1:]))))
    names = tuple(one for one in told if not _ends_with(one, have))
    named_only = len(came) < len(entries) - 1 or bool(names)
    return Notified(resources, named_only or not resources, names)


def _ends_with(reference: str, names: Sequence[str]) -> bool:
    return any(reference == name or reference.endswith(f"/{name}") for name in names)


def _address(entry: Any) -> str:
    """Return where the resource of an entry lies that came without it."""
    if _resource(entry) or not isinstance(entry, Mapping):
        return ""
    request = entry.get("request")
    found = [entry.get("fullUrl"), request.get("url") if isinstance(request, Mapping) else None]
    return next((one for one in found if isinstance(one, str) and _is_address(one)), "")


def _is_address(text: str) -> bool:
    return "/" in text and "?" not in text and not text.startswith("urn:")


def key_of(body: bytes) -> str:
    """Return what an event is known by when it comes again."""
    return f"event-{hashlib.sha256(body).hexdigest()[:32]}"


def check_time(value: Mapping[str, Any], now: datetime) -> None:
    """FaultError `event-undated`, `event-untimely`."""
    said = _time(value)
    if said is None:
        raise FaultError(UNDATED)
    if not now - _OLDEST <= said <= now + _AHEAD:
        raise FaultError(UNTIMELY)


def _time(value: Mapping[str, Any]) -> datetime | None:
    """Return when the notification was made, else when its newest event happened."""
    status = _resource(value["entry"][0])
    events = [
        one.get("valueInstant")
        for event in _parameters(status, "notification-event")
        for one in _parameters(event, "timestamp", "part")
    ]
    of_status = status.get("notificationEvent")
    listed = of_status if isinstance(of_status, list) else []
    events += [one.get("timestamp") for one in listed if isinstance(one, Mapping)]
    made = _instant(value.get("timestamp"))
    return made or max(filter(None, map(_instant, events)), default=None)


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _resource(entry: Any) -> Mapping[str, Any]:
    found = entry.get("resource") if isinstance(entry, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _kind(status: Mapping[str, Any]) -> str:
    if isinstance(status.get("type"), str):
        return str(status["type"])
    found = (one.get("valueCode") for one in _parameters(status, "type"))
    return next((one for one in found if isinstance(one, str)), "")


def _focuses(status: Mapping[str, Any]) -> Iterator[str]:
    """Yield the references of what the events are about."""
    for event in _parameters(status, "notification-event"):
        for focus in _parameters(event, "focus", "part"):
            reference = focus.get("valueReference")
            yield from _reference(reference)
    listed = status.get("notificationEvent")  # of R4B, which some send in R4 bundles
    for event in listed if isinstance(listed, list) else ():
        yield from _reference(event.get("focus") if isinstance(event, Mapping) else None)


def _reference(value: Any) -> Iterator[str]:
    name = value.get("reference") if isinstance(value, Mapping) else None
    if isinstance(name, str):
        yield name


def _parameters(
    holder: Mapping[str, Any], name: str, where: str = "parameter"
) -> Sequence[Mapping[str, Any]]:
    found = holder.get(where)
    some = found if isinstance(found, list) else []
    return [one for one in some if isinstance(one, Mapping) and one.get("name") == name]
