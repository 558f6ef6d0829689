"""Security labels: what any statement has labelled stays labelled, whatever is said later.

FHIR R4 has them as a set whose members are told apart by system and code, and takes one off only
by an operation of its own (resource-operation-meta-delete.html). So a message without labels says
nothing about them: an admission does not open a chart that a resource had closed. There is no such
operation here: a label goes when a replay of the site finds that no message says it any more. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.lexeme import encode


def labels(meta: Mapping[str, Any]) -> Sequence[Any]:
    """Return the security labels of a meta."""
    return meta.get("security") or ()


def joined(some: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """Return both sets as one, the same in whatever order statements come."""
    found: dict[tuple[str, ...], tuple[bytes, Any]] = {}
    for label in (*some, *others):
        text = encode(label)
        key = _key(label, text)
        if key not in found or text < found[key][0]:
            found[key] = text, label
    return [found[key][1] for key in sorted(found)]


def _key(label: Any, text: bytes) -> tuple[str, ...]:
    code = label.get("code", "") if isinstance(label, Mapping) else ""
    return (str(label.get("system", "")), str(code)) if code else ("", "", text.decode())
