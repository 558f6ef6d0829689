"""One delivery as the resources in it: a single one, or the entries of a Bundle.

R4, bundle.html. An entry that is an outcome of the sender's own (`search.mode` outcome, an
OperationOutcome) says how the sender fared and nothing about a patient. What only asks for
something (DELETE, PATCH, GET) is refused: leaving it out would answer for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.fault import Category, refuse

Resource = dict[str, Any]
_SAYS = frozenset({"PUT", "POST"})


@dataclass(frozen=True, slots=True)
class Sent:
    """A resource with the names it goes by in its delivery: full URL, `Type/id`."""

    resource: Resource
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])


def sent(value: Any) -> tuple[str, tuple[Sent, ...]]:
    """Return the type of a delivery and its resources.

    FaultError: invalid `no-resource`, unsupported `bundle-method`, `implicit-rules`,
    `subsetted-resource`.
    """
    kind = _kind(value, "")
    if kind != "Bundle":
        return kind, (_sent(value, ""),)
    entries = value.get("entry", [])
    if not isinstance(entries, list):
        raise _no_resource("Bundle.entry")
    found = [item for n, entry in enumerate(entries) for item in _entry(entry, n)]
    return kind, tuple(found)


def _no_resource(where: str) -> Exception:
    text = "no FHIR resource: an object with a resourceType is expected"
    return refuse(Category.INVALID, "no-resource", text, where)


def _kind(value: Any, where: str) -> str:
    kind = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind:
        raise _no_resource(where)
    return kind


def _entry(entry: Any, number: int) -> Iterator[Sent]:
    where = f"Bundle.entry[{number}]"
    if not isinstance(entry, dict):
        raise _no_resource(where)
    request, search = entry.get("request"), entry.get("search")
    method = request.get("method") if isinstance(request, dict) else "PUT"
    if method not in _SAYS:
        text = "an entry may only say how a resource is (PUT, POST)"
        raise refuse(Category.UNSUPPORTED, "bundle-method", text, f"{where}.request.method")
    mode = search.get("mode") if isinstance(search, dict) else ""
    kind = _kind(entry.get("resource"), f"{where}.resource")
    if mode == "outcome" or kind == "OperationOutcome":
        return
    full = entry.get("fullUrl")
    yield _sent(entry["resource"], full if isinstance(full, str) else "")


def _sent(resource: Resource, full_url: str) -> Sent:
    kind = str(resource["resourceType"])
    if "implicitRules" in resource:
        text = "the resource may only be read by rules of its own"
        raise refuse(Category.UNSUPPORTED, "implicit-rules", text, f"{kind}.implicitRules")
    if _is_subset(resource):
        text = "a part of a resource (_summary, _elements) would take back all the rest"
        raise refuse(Category.UNSUPPORTED, "subsetted-resource", text, f"{kind}.meta.tag")
    ident = resource.get("id")
    names = (full_url, f"{kind}/{ident}" if isinstance(ident, str) else "")
    return Sent(resource, tuple(name for name in names if name))


def _is_subset(resource: Resource) -> bool:
    """Whether the sender left elements out (R4, search.html#summary)."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return any(
        isinstance(tag, dict) and tag.get("code") == "SUBSETTED"
        for tag in (tags if isinstance(tags, list) else ())
    )
