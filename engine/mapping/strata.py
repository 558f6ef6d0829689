"""The layers of a library put upon one another: overlays applied, code tables merged.

Each is put upon those below it once, however many chains begin with them. A layer copies what it
changes, so chains that begin alike hold the same documents and tables.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.mapping import overlay, tables
from engine.mapping.documents import KEYS, Effective, Reading, name_of, read_file, text_at
from engine.mapping.grammar import closest
from engine.mapping.library import Library
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import IDENTITY, Place, Problems
from engine.mapping.tables import Table, Target
from engine.mapping.vocabulary import FieldType, is_datatype

Chain = tuple[str, ...]
Files = tuple[tuple[str, str], ...]
_ORDER = ("resource", "message", "csv", "fhir", "datatype", "codemap", "identity", "overlay")


@dataclass(frozen=True, slots=True)
class _Stratum:
    effective: Effective
    problems: Problems


class _Upon:
    """Puts a layer upon those below. Tables and segments of these are copied before a change."""

    def __init__(self, below: Effective, problems: Problems) -> None:
        self._problems = problems
        self._own: set[str] = set()  # names of tables that are this layer's copies
        self.effective = below.copy()

    def add(self, layer: str, files: Files, read: Callable[[str, str], Reading]) -> None:
        if not files:
            mark = Place(layer, 1, 1)
            self._problems.report("E110", mark, f"no mapping files in layer '{layer}'")
        for path, text in files:
            if path.endswith(".csv"):
                name = path.rpartition("/")[2].removesuffix(".csv")
                tables.read_csv(self._table(name), path, text, self._problems)
        readings = [read(path, text) for path, text in files if path.endswith(".yaml")]
        for reading in readings:
            self._problems.include(reading.problems)
        documents = [found for reading in readings for found in reading.documents]
        for kind in _ORDER:
            for found, document in documents:
                if found == kind:
                    self._add(kind, document)

    def _table(self, name: str) -> Table:
        """Return a table that may be changed."""
        known = self.effective.tables
        if name not in self._own:
            known[name] = known[name].copy() if name in known else Table(name)
            self._own.add(name)
        return known[name]

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
            table = self._table(text_at(document, "name"))
            tables.read_document(table, document, self._problems)
        elif kind in known:
            self._define(known[kind], name_of(kind, document), document)
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
        known = dict(self.effective.segments.get(name, {}))
        self.effective.segments[name] = known
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
        if name.text not in self.effective.tables:
            advice = closest(name.text, list(self.effective.tables))
            message = f"unknown code table '{name.text}'"
            self._problems.report("E210", name.mark, message, advice)
            return
        table = self._table(name.text)
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


class Strata:
    """What chains of one library come to. What is given out is shared: never change it.

    What was read of a file, those of another library may take over from `known`.
    """

    def __init__(self, library: Library, known: "Strata | None" = None) -> None:
        self._library = library
        self._read: dict[tuple[str, str], Reading] = known._read if known else {}
        self._known: dict[Chain, _Stratum] = {(): _Stratum(Effective(), Problems())}

    def effective(self, chain: Chain, problems: Problems) -> Effective:
        """Return what a chain comes to; what is wrong with its files goes to `problems`."""
        found = self._stratum(chain)
        problems.include(found.problems)
        return found.effective

    def _stratum(self, chain: Chain) -> _Stratum:
        known = self._known.get(chain)
        if known is None:
            below = self._stratum(chain[:-1])
            problems = Problems()
            problems.include(below.problems)
            upon = _Upon(below.effective, problems)
            upon.add(chain[-1], self._library.layer(chain[-1]), self._reading)
            known = self._known[chain] = _Stratum(upon.effective, problems)
        return known

    def _reading(self, path: str, text: str) -> Reading:
        if (path, text) not in self._read:
            self._read[path, text] = read_file(path, text)
        return self._read[path, text]


def assemble(library: Library, chain: Chain, problems: Problems) -> Effective:
    """Read and merge the layers of a chain; what is wrong goes to `problems`."""
    return Strata(library).effective(chain, problems)
