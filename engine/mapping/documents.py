"""The effective mapping of a chain: documents of all layers, overlays applied, code tables merged.

Checks the outer shape of documents (kinds and their keys); what rules mean is checked where they
are compiled.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.mapping import node as nodes
from engine.mapping import overlay, tables
from engine.mapping.grammar import closest
from engine.mapping.library import Library
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import IDENTITY, Place, Problems
from engine.mapping.tables import Table, Target
from engine.mapping.vocabulary import FieldType, is_datatype

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


_ORDER = ("resource", "message", "csv", "fhir", "datatype", "codemap", "identity", "overlay")
_NAMING = re.compile(r"^(name|structure|feed|from|to): *([\w.-]+) *$", re.MULTILINE)


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


def text_at(fields: Fields, name: str) -> str:
    """Return the text of an entry, empty when it is absent or no text."""
    found = fields.get(name)
    return found.text if isinstance(found, Scalar) else ""


def _name(kind: str, document: Fields) -> str:
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
    """Yield what the documents of a text that cannot be read may be called."""
    said: dict[str, list[str]] = {}
    for key, value in _NAMING.findall(text):
        said.setdefault(key, []).append(value)
    for key in ("name", "structure", "feed"):
        yield from said.get(key, ())
    for origin in said.get("from", ()):
        yield f"FHIR-{origin}"
        yield from (f"{origin}-{target}" for target in said.get("to", ()))


class _Assembly:
    def __init__(self, library: Library, problems: Problems) -> None:
        self._library = library
        self._problems = problems
        self.effective = Effective()

    def add_layer(self, layer: str) -> None:
        files = self._library.layer(layer)
        if not files:
            mark = Place(layer, 1, 1)
            self._problems.report("E110", mark, f"no mapping files in layer '{layer}'")
        for path, text in files:
            if path.endswith(".csv"):
                self._table(path, text)
        documents = [
            document
            for path, text in files
            if path.endswith(".yaml")
            for document in self._read(path, text)
        ]
        checked = [(kind, d) for document in documents for kind, d in self._checked(document)]
        for kind in _ORDER:
            for found, document in checked:
                if found == kind:
                    self._add(kind, document)

    def _read(self, path: str, text: str) -> list[Node]:
        found = nodes.documents(path, text, self._problems)
        if not found:
            self._problems.lose(*_usual(path), *_spelled(text))
        return found

    def _lose(self, document: Fields, name: str) -> None:
        self._problems.lose(name, *_usual(document.mark.file))

    def _table(self, path: str, text: str) -> None:
        name = path.rpartition("/")[2].removesuffix(".csv")
        table = self.effective.tables.setdefault(name, Table(name))
        tables.read_csv(table, path, text, self._problems)

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
            self._lose(document, _name(kind, document))
            return []
        if not self._keys_fit(kind, document):
            self._lose(document, _name(kind, document))
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

    def _add(self, kind: str, document: Fields) -> None:
        whole = self.effective
        known = {
            "resource": whole.resources,
            "message": whole.messages,
            "csv": whole.feeds,
            "fhir": whole.sent,
            "datatype": whole.datatypes,
        }
        if kind == "codemap":
            name = text_at(document, "name")
            table = whole.tables.setdefault(name, Table(name))
            tables.read_document(table, document, self._problems)
        elif kind in known:
            self._define(known[kind], _name(kind, document), document)
        elif kind == "identity":
            unknown = {key.text for key, _ in document.entries} - KEYS[IDENTITY]
            self._identity(document.drop("map", "kind", *unknown))
        else:
            self._overlay(document)

    def _define(self, known: dict[str, Fields], name: str, document: Fields) -> None:
        if name in known:
            before = known[name].mark
            advice = f"change {before.file}:{before.line} in an overlay, or give it a name:"
            self._problems.report("E115", document.mark, f"'{name}' is defined twice", advice)
            return
        known[name] = document

    def _identity(self, document: Fields) -> None:
        for key, value in document.entries:
            if key.text not in KEYS["identity"]:
                message = f"unknown key '{key.text}' in identity"
                advice = closest(key.text, sorted(KEYS["identity"]))
                self._problems.report("E111", key.mark, message, advice)
            elif key.text == "assigners":
                for name, assigner in self._entries(value):
                    self.effective.assigners[name.text] = (name, assigner)
            else:
                self.effective.identity[key.text] = value

    def _entries(self, value: Node | None) -> tuple[tuple[Scalar, Node], ...]:
        if isinstance(value, Fields):
            return value.entries
        if value is not None:
            self._problems.report("E113", value.mark, "expected a mapping")
        return ()

    def _overlay(self, document: Fields) -> None:
        for name, fields in self._entries(document.get("segments")):
            self._segment(name.text, fields)
        for name, reason in self._entries(document.get("ignore")):
            self.effective.ignored[name.text] = (name, reason)
        identity = document.get("identity")
        if isinstance(identity, Fields):
            self._identity(identity)
        for name, edit in self._entries(document.get("codes")):
            self._codes(name, edit)
        for name, edits in self._entries(document.get("change")):
            self._change(name, edits)

    def _segment(self, name: str, fields: Node) -> None:
        known = self.effective.segments.setdefault(name, {})
        for number, kind in self._entries(fields):
            datatype = kind.text if isinstance(kind, Scalar) else ""
            repeats = datatype.endswith("*") and len(datatype) > 1
            datatype = datatype.removesuffix("*") if repeats else datatype
            if not number.text.isdigit() or not is_datatype(datatype):
                message = (
                    f"a field is declared as number: datatype, not '{number.text}: {datatype}'"
                )
                self._problems.report("E234", number.mark, message)
                continue
            known[int(number.text)] = FieldType(datatype, repeats)

    def _codes(self, name: Scalar, edit: Node) -> None:
        table = self.effective.tables.get(name.text)
        if table is None:
            advice = closest(name.text, list(self.effective.tables))
            message = f"unknown code table '{name.text}'"
            self._problems.report("E210", name.mark, message, advice)
            return
        rows = edit.get("add") if isinstance(edit, Fields) else None
        systems = table.systems()
        for code, target in self._entries(rows):
            text = target.text if isinstance(target, Scalar) else ""
            table.add("", code.text, Target(systems[0] if systems else "", text), code.mark)

    def _change(self, name: Scalar, edits: Node) -> None:
        whole = self.effective
        kinds = (whole.resources, whole.messages, whole.feeds, whole.sent, whole.datatypes)
        known = next((kind for kind in kinds if name.text in kind), None)
        if known is None:
            names = [name for kind in kinds for name in kind]
            message = f"no map, message or feed '{name.text}' in the layers below"
            self._problems.report("E120", name.mark, message, closest(name.text, names))
            return
        document = known[name.text]
        for path, new in self._entries(edits):
            inner = known is whole.resources or known is whole.datatypes
            document = self._changed(document, path, new, whole=not inner)
        known[name.text] = document

    def _changed(self, document: Fields, path: Scalar, new: Node, *, whole: bool) -> Fields:
        if whole:
            return overlay.change(document, path, new, self._problems)
        if path.text.startswith("$"):
            bare = Scalar(path.text[1:], path.mark)
            return overlay.change(document, bare, new, self._problems)
        key = document.key(text_at(document, "to"))
        body = document.get(key.text) if key else None
        if key is None or not isinstance(body, Fields):
            return document
        return document.put(key, overlay.change(body, path, new, self._problems))


def assemble(library: Library, chain: tuple[str, ...], problems: Problems) -> Effective:
    """Read and merge the layers of a chain; what is wrong goes to `problems`."""
    assembly = _Assembly(library, problems)
    for layer in chain:
        assembly.add_layer(layer)
    return assembly.effective


def listed(node: Node | None) -> tuple[Node, ...]:
    """Return the items of a list, or the one thing that stands for a list of one."""
    if node is None:
        return ()
    return node.items if isinstance(node, Items) else (node,)
