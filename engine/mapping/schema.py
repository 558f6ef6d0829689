"""The mapping language as JSON Schema, so that editors complete and underline while one types.

Made of what the compiler itself goes by: the keys of documents and of right-hand sides, and the
elements of R4. It knows shapes only; what expressions, labels and tables mean says `concord check`.
Draft 7, which editors' YAML servers know best.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from engine.mapping import additions, documents, message, reference
from engine.mapping.absent import REASONS
from engine.mapping.testing import read
from engine.r4 import elements
from engine.r4.elements import Element

DRAFT = "http://json-schema.org/draft-07/schema#"
_SCALAR = ["string", "number", "boolean"]  # files are read as text; an editor sees 1 and true
_ANY = [*_SCALAR, "array", "object", "null"]
Schema = dict[str, Any]

_TOLD = {
    "from": "Where the value comes from: an expression such as PID-5, or a list of them.",
    "each": "One value for each repetition of a field, or for each segment.",
    "if": "Takes only those repetitions for which this holds; goes with each.",
    "when": "A condition; when it is false there is no value.",
    "set": "Nested elements to build.",
    "map": "A code table by name, or {source: target} in place.",
    "unmapped": "What becomes of a code the table lacks: keep, drop or =code.",
    "default": "What stands when there is no value.",
    "absent": "Why there is no value, when there is none: unknown, masked, not-asked, ...",
    "fill": "Nested elements that are put in where the converted value lacks them.",
    "add": "Nested elements that replace what the converted value has.",
    "required": "true: without a value there is no resource.",
    "on_null": 'What "" does: clear or keep.',
    "label": "The name of a list entry, for overlays and for the part it fills.",
    "ref": "A reference: to a type made in scope, or to a resource made here.",
    "ext": "An extension: a known name or its URL.",
    "document": "Of an Attachment: an ED or a text, whose bytes go into a Binary.",
}
_HEADS = {
    "map": "The version of the mapping language: v1.",
    "kind": "What the document is.",
    "name": "What overlays and messages call it.",
    "structure": "The message structure, HL7's own name of the group tree, such as ADT_A01.",
    "triggers": "The messages it takes, such as ADT^A01.",
    "make": "The resources that are made, each with its map and its segment.",
    "link": "References that are filled in by type.",
    "emit": "Statements about patients: merges, links and what withdraws them.",
    "from": "The segment, or the type of resource, that is read.",
    "to": "The type of resource that is made.",
    "key": "Parts of the key; or alternatives, each a list of parts.",
    "profile": "What meta.profile says.",
    "skip": "A condition under which no resource is made.",
    "security": "Labels for meta.security; documents of the resource have them, too.",
    "mode": "merge: element by element; replace: as a whole.",
    "change": "Changes to maps of the layers below, by path.",
    "codes": "Rows added to code tables.",
    "segments": "Z segments, or fields beyond the standard: number and datatype.",
}
_CLOSED: dict[str, Schema] = {
    "map": {"const": "v1"},
    "mode": {"enum": ["merge", "replace"]},
    "on_null": {"enum": ["clear", "keep"]},
    "absent": {"enum": list(REASONS)},
    "required": {"enum": [True, False, "true", "false"]},
}
_TEXTS = frozenset(
    {"each", "if", "when", "unmapped", "label", "ext", "document", "name", "structure", "skip"}
)
_RECIPE = frozenset({"omb", "detailed", "text"})  # of an extension


def _text() -> Schema:
    return {"type": _SCALAR}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _closed(properties: Schema, required: Iterable[str] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    needed = list(required)
    return {**found, "required": needed} if needed else found


def _definition_of(element: Element) -> str:
    """Return the name under which what may stand for an element is defined."""
    if element.content_reference:
        return element.content_reference
    kind = element.types[0] if len(element.types) == 1 else ""
    if kind in {"BackboneElement", "Element"}:
        return element.path
    if elements.is_primitive(kind) or not elements.children(kind):
        return "value"
    return "resource" if kind in {"Resource", "DomainResource"} else kind


def _controls(itself: str) -> Schema:
    """Return the keys of the full form, for an element defined as `itself`."""
    found: Schema = {name: _ref(f"key-{name}") for name in sorted(additions.KEYS)}
    if itself != "value":
        found |= dict.fromkeys(("set", "fill", "add"), _ref(itself))
    return found


def _right_hand(itself: str, own: Schema) -> Schema:
    """Return what may stand for an element: text, a list of the same, or a mapping of keys."""
    return {
        "type": [*_SCALAR, "array", "object"],
        "items": _ref(itself),
        "properties": {**_controls(itself), **own},
        "additionalProperties": False,
    }


def _own(path: str) -> Schema:
    """Return the elements below a path, with primitive extensions and choices by base name."""
    found: Schema = {}
    for name, element in elements.children(path).items():
        if path == "Reference" and name not in reference.LOGICAL:
            continue
        found[name] = _ref(_definition_of(element))
        if element.group:
            found.setdefault(element.group.removesuffix("[x]"), _ref("choice"))
        elif len(element.types) == 1 and elements.is_primitive(element.types[0]):
            found[f"_{name}"] = _ref("Extension")
    return found


def _add_type(path: str, defined: Schema) -> None:
    """Define a type or backbone element and what it is made of."""
    if path in defined:
        return
    own = _own(path)
    if path == "Extension":
        own |= dict.fromkeys(sorted(_RECIPE), _ref("value"))
    if path == "Reference":
        own["key"] = {"type": _ANY, "description": "What it points to is known by."}
    defined[path] = _right_hand(path, own)
    for element in elements.children(path).values():
        name = _definition_of(element)
        if name not in {"value", "resource"}:
            _add_type(name, defined)


def _key_schema(name: str) -> Schema:
    told = {"description": _TOLD[name]}
    if name in _CLOSED and name != "map":
        return {**_CLOSED[name], **told}
    if name in _TEXTS:
        return {**_text(), **told}
    if name == "map":
        return {"type": [*_SCALAR, "object"], **told}
    return {"type": _ANY, **told}


def _definitions() -> Schema:
    found: Schema = {f"key-{name}": _key_schema(name) for name in sorted(additions.KEYS)}
    found["value"] = _right_hand("value", {})
    found["choice"] = {"type": [*_SCALAR, "array", "object"]}
    found["resource"] = {"type": "object"}
    for name in sorted(elements.resource_types()):
        _add_type(name, found)
    return found


def _head(name: str) -> Schema:
    told = {"description": _HEADS[name]} if name in _HEADS else {}
    if name in _CLOSED:
        return {**_CLOSED[name], **told}
    return {**(_text() if name in _TEXTS else {"type": _ANY}), **told}


def _make() -> Schema:
    """Return what stands under `make`: entries by type, and narrower scopes."""
    entry = _closed({name: _text() for name in sorted(message.MAKE_KEYS)}, ("map", "from"))
    types = dict.fromkeys(sorted(elements.resource_types()), _ref("make-entry"))
    scope = {"per": _text(), "make": _ref("make")}
    return {
        "make-entry": entry,
        "make": {"type": "array", "items": _closed({**types, **scope})},
    }


def _document(kind: str) -> Schema:
    properties: Schema = {name: _head(name) for name in sorted(documents.KEYS[kind])}
    if kind == "message":
        properties["make"] = {**_ref("make")}
    if kind in {"resource", "csv", "fhir"}:
        types = elements.resource_types()
        properties |= {name: _ref(name) for name in sorted(types)}
        for name in ("from", "to") if kind == "fhir" else ("to",):
            properties[name] = {"enum": sorted(types), "description": _HEADS[name]}
    return _closed(properties, ("map", "kind", *documents.REQUIRED[kind]))


def _tests() -> Schema:
    """Return a document of tests."""
    case: Schema = {name: {"type": _ANY} for name in read.CASE_KEYS}
    site = _closed({name: {"type": _ANY} for name in read.SITE_KEYS})
    whole: Schema = {name: _head(name) for name in read.DOCUMENT_KEYS}
    for properties in (case, whole):
        properties |= {"site": site, "message": _text()}
    whole["cases"] = {"type": "array", "items": _closed(case, ("name",))}
    return _closed(whole, ("map", "kind", "cases"))


@cache
def schema() -> Schema:
    """Return the JSON Schema of one document of a mapping file. Shared: read it only."""
    kinds = [*documents.KEYS, "tests"]
    chosen = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": _ref(f"{kind}-document"),
        }
        for kind in kinds
    ]
    whole = {f"{kind}-document": _document(kind) for kind in documents.KEYS}
    whole["tests-document"] = _tests()
    return {
        "$schema": DRAFT,
        "title": "A mapping document of Concord",
        "type": "object",
        "required": ["map", "kind"],
        "properties": {"map": _head("map"), "kind": {"enum": kinds, "description": _HEADS["kind"]}},
        "allOf": chosen,
        "definitions": {**_definitions(), **_make(), **whole},
    }
