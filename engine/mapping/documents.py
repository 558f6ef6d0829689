"""The documents of a layer, read, and what a chain of layers comes to.

Checks the outer shape of documents (kinds and their keys); what rules mean is checked where they
are compiled.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.mapping import node as nodes
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import IDENTITY, Problems
from engine.mapping.tables import Table
from engine.mapping.vocabulary import FieldType

KEYS = {
    "message": {"map", "kind", "name", "structure", "triggers", "make", "link", "emit"},
    "resource": {
        *("map", "kind", "name", "from", "to", "key", "profile", "security", "skip", "mode"),
    },
    "csv": {
        *("map", "kind", "feed", "files", "deletes", "dialect", "extract_time", "columns"),
        *("on_extra_column", "trailer", "changed", "empty", "patient", "to", "key", "profile"),
        *("skip", "mode", "delete_when", "on_delete", "fills", "Patient", "ignore"),
    },
    "fhir": {
        *("map", "kind", "from", "to", "name", "key", "profile", "skip", "mode", "copy", "except"),
        *("patient", "changed", "fills", "clears", "survivor", "subsumed", "ignore"),
    },
    "datatype": {"map", "kind", "name", "from", "to"},
    "codemap": {"map", "kind", "name", "system", "unmapped", "codes"},
    "overlay": {"map", "kind", "scope", "segments", "change", "codes", "identity", "ignore"},
    "identity": {
        "map",
        "kind",
        "patient",
        "prior",
        "aliases",
        "prior_aliases",
        "assigners",
        "missing",
        *("fhir_patient", "fhir_aliases", "fhir_bases", "fhir_ids"),
    },
}
REQUIRED = {
    "message": ("structure", "triggers", "make"),
    "resource": ("from", "to"),
    "csv": ("feed", "files", "columns", "patient", "to", "key"),
    "fhir": ("from",),
    "datatype": ("from", "to"),
    "codemap": ("name", "codes"),
    "overlay": (),
    "identity": (),
}


_WORD = re.compile(r"[A-Za-z][\w-]*")
_NAMING = re.compile(r"^(from|to): *([\w.-]+) *$", re.MULTILINE)


@dataclass(slots=True)
class Effective:
    """What a chain comes to."""

    messages: dict[str, Fields] = field(default_factory=dict)
    resources: dict[str, Fields] = field(default_factory=dict)
    feeds: dict[str, Fields] = field(default_factory=dict)  # csv documents
    sent: dict[str, Fields] = field(default_factory=dict)  # fhir documents
    datatypes: dict[str, Fields] = field(default_factory=dict)
    identity: dict[str, Node] = field(default_factory=dict)
    assigners: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    segments: dict[str, dict[int, FieldType]] = field(default_factory=dict)
    ignored: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)

    def copy(self) -> "Effective":
        """Return what a further layer may change; documents and tables are those of this one."""
        return Effective(
            dict(self.messages),
            dict(self.resources),
            dict(self.feeds),
            dict(self.sent),
            dict(self.datatypes),
            dict(self.identity),
            dict(self.assigners),
            dict(self.tables),
            dict(self.segments),
            dict(self.ignored),
        )


def text_at(fields: Fields, name: str) -> str:
    """Return the text of an entry, empty when it is absent or no text."""
    found = fields.get(name)
    return found.text if isinstance(found, Scalar) else ""


def name_of(kind: str, document: Fields) -> str:
    """Return what other documents call this one; one without a kind is taken for a resource's."""
    if kind == "csv":
        return text_at(document, "feed")
    origin, target = text_at(document, "from"), text_at(document, "to")
    forms = {"message": text_at(document, "structure"), "fhir": f"FHIR-{origin}"}
    return text_at(document, "name") or forms.get(kind, f"{origin}-{target}")


def _usual(path: str) -> tuple[str, str]:
    """Return what the document of a file is called, as a rule."""
    stem = path.rpartition("/")[2].removesuffix(".yaml")
    return stem, f"FHIR-{stem}"


def _spelled(text: str) -> Iterator[str]:
    """Yield what its documents may be called that have no name of their own."""
    said: dict[str, list[str]] = {}
    for key, value in _NAMING.findall(text):
        said.setdefault(key, []).append(value)
    for origin in said.get("from", ()):
        yield f"FHIR-{origin}"
        yield from (f"{origin}-{target}" for target in said.get("to", ()))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds: its documents with their kinds, and what is wrong with it."""

    documents: tuple[tuple[str, Fields], ...]
    problems: Problems


def read_file(path: str, text: str) -> Reading:
    """Read the documents of a file that begin and are keyed as they have to be."""
    reader = _Reader(path, text)
    return Reading(tuple(reader.documents()), reader.problems)


class _Reader:
    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self.problems = self._problems = Problems()

    def documents(self) -> list[tuple[str, Fields]]:
        roots = nodes.documents(self._path, self._text, self._problems)
        if not roots:
            self._lose()
        return [found for root in roots for found in self._checked(root)]

    def _lose(self) -> None:
        """Note every word of a file that is not used: others may name what it would have said."""
        words = _WORD.findall(self._text)
        self._problems.lose(*_usual(self._path), *_spelled(self._text), *words)

    def _checked(self, document: Node) -> list[tuple[str, Fields]]:
        """Return the kind and the document when its outer shape is right."""
        if not isinstance(document, Fields):
            self._problems.report("E113", document.mark, "a document is a mapping of keys")
            return []
        kind = text_at(document, "kind")
        if kind not in KEYS or text_at(document, "map") != "v1":
            message = "a document begins with 'map: v1' and a known 'kind'"
            advice = closest(kind, list(KEYS)) or "kinds: " + ", ".join(KEYS)
            self._problems.report("E114", document.mark, message, advice)
            self._lose()
            return []
        if not self._keys_fit(kind, document):
            self._lose()
            return []
        return [(kind, document)]

    def _keys_fit(self, kind: str, document: Fields) -> bool:
        makes = kind in {"resource", "csv", "datatype"}
        made = text_at(document, "to") or text_at(document, "from")
        allowed = KEYS[kind] | ({made} if makes or kind == "fhir" else set())
        if kind == "fhir" and not made:  # which says what the body is called
            allowed |= {key.text for key, _ in document.entries if key.text[:1].isupper()}
        for key, _ in document.entries:
            if key.text not in allowed:
                message = f"unknown key '{key.text}' in a {kind} document"
                self._problems.report("E111", key.mark, message, closest(key.text, list(allowed)))
                if kind == IDENTITY:  # it may have been the rule for patients
                    self._problems.lose(IDENTITY)
        missing = [name for name in REQUIRED[kind] if document.get(name) is None]
        if makes and not isinstance(document.get(text_at(document, "to")), Fields):
            missing.append(f"{text_at(document, 'to')}:")
        for name in missing:
            self._problems.report("E112", document.mark, f"a {kind} document needs '{name}'")
        return not missing


def listed(node: Node | None) -> tuple[Node, ...]:
    """Return the items of a list, or the one thing that stands for a list of one."""
    if node is None:
        return ()
    return node.items if isinstance(node, Items) else (node,)
