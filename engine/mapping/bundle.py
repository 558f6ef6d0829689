"""Mapped messages as one FHIR transaction Bundle, for people and tools; the store does not use it.

Entries are PUTs to `Type/id`. Full URLs are relative to a base that nobody serves, and references
are relative, so they resolve inside the bundle (R4, bundle.html#references).
"""

from collections.abc import Iterable
from typing import Any

from engine.core.values import Mapped

BASE = "https://concord.invalid"  # RFC 2606: never resolves


def reference(body: dict[str, Any]) -> str:
    """Return `Type/id` of a resource."""
    return f"{body['resourceType']}/{body['id']}"


def bodies(mapped: Mapped) -> list[dict[str, Any]]:
    """Return the resources of a message."""
    return [contribution.body for contribution in mapped.contributions]


def bundle(
    resources: Iterable[dict[str, Any]],
    identifier: dict[str, Any] | None = None,
    timestamp: str = "",
) -> dict[str, Any]:
    """Put resources into a Bundle; of several with one id the later elements hold."""
    known: dict[str, dict[str, Any]] = {}
    for body in resources:
        name = reference(body)
        known[name] = {**known[name], **body} if name in known else body
    found: dict[str, Any] = {"resourceType": "Bundle"}
    if identifier:
        found["identifier"] = identifier
    found["type"] = "transaction"
    if timestamp:
        found["timestamp"] = timestamp
    if known:
        found["entry"] = [_entry(name, body) for name, body in known.items()]
    return found


def _entry(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "fullUrl": f"{BASE}/{name}",
        "resource": body,
        "request": {"method": "PUT", "url": name},
    }
