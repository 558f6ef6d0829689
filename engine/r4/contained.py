"""What binds a resource and the resources contained in it: dom-3 to dom-5 and ref-1.

These look at the whole resource, so they run once over one that is otherwise well-formed, and only
when it contains something or refers to something contained.
"""

from collections.abc import Iterator
from typing import Any

from engine.r4.problem import Problem

_DANGLING = Problem("bad-reference", "no contained resource has this id (ref-1)")
_UNUSED = Problem("invariant", "nothing refers to the contained resource (dom-3)")
_VERSIONED = Problem("invariant", "a contained resource has no version or update time (dom-4)")
_LABELLED = Problem("invariant", "a contained resource has no security label (dom-5)")
_SAME_ID = Problem("bad-id", "two contained resources have the same id")


def _strings(value: Any) -> Iterator[tuple[str, str, str]]:
    """Every string that starts with `#`: (path, name of the element, string)."""
    stack: list[tuple[str, str, Any]] = [("", "", value)]
    while stack:
        path, name, item = stack.pop()
        if type(item) is dict:
            stack += [(f"{path}.{key}", key, member) for key, member in item.items()]
        elif type(item) is list:
            stack += [(f"{path}[{index}]", name, member) for index, member in enumerate(item)]
        elif type(item) is str and item[:1] == "#":
            yield path, name, item


def _own(contained: dict[str, Any], path: str) -> Iterator[Problem]:
    meta = contained.get("meta", {})
    if "versionId" in meta or "lastUpdated" in meta:
        yield _VERSIONED._replace(path=f"{path}.meta")
    if "security" in meta:
        yield _LABELLED._replace(path=f"{path}.meta.security")


def problems(resource: dict[str, Any]) -> list[Problem]:
    """Return what is wrong between a well-formed resource and its contained ones."""
    contained = resource.get("contained", [])
    ids = [inner.get("id") for inner in contained]
    met = list(_strings(resource))
    used = {text[1:] for _, _, text in met}
    found = [
        _DANGLING._replace(path=path)
        for path, name, text in met
        if name == "reference" and text != "#" and text[1:] not in ids
    ]
    if len(set(ids)) < len(ids):
        found.append(_SAME_ID._replace(path=".contained"))
    for index, inner in enumerate(contained):
        path = f".contained[{index}]"
        found += _own(inner, path)
        outward = any(text == "#" for _, _, text in _strings(inner))
        if inner.get("id") not in used and not outward:
            found.append(_UNUSED._replace(path=path))
    return found
