"""`kind: tests` documents to cases, with every mistake: keys, shapes, paths, files that are not.

Knows no plan: whether a chain has a feed or a column, the run of a case finds out.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.mapping import node as nodes
from engine.mapping.documents import listed
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import Problems
from engine.mapping.testing import path as paths
from engine.mapping.testing.case import (
    REF,
    Body,
    Case,
    Expectation,
    FileOf,
    Given,
    Golden,
    Rows,
    Setting,
    texts,
)
from engine.mapping.testing.edit import edited
from engine.mapping.testing.resource import from_fields

_INPUTS = ("message", "segments", "file", "rows", "resource")
_SHARED = ("site", "chain", "feed")
_STATED = ("diagnostics", "refused", "filtered", "merge", "patients")
DOCUMENT_KEYS = ("map", "kind", "cases", "message", *_SHARED)
CASE_KEYS = ("name", *_INPUTS, *_SHARED, "deletes", "expect", "matches", "ignore", *_STATED)
SITE_KEYS = ("name", "timezone", "charset", "require_control_id", "processing")


@dataclass(frozen=True, slots=True)
class _Reader:
    """One document being read."""

    problems: Problems
    document: Fields
    known: Collection[str]  # files below the mappings folder
    names: set[str] = field(default_factory=set)

    def keys(self, fields: Fields, allowed: Collection[str], what: str) -> None:
        for key, _ in fields.entries:
            if key.text not in allowed:
                message = f"unknown key '{key.text}' in {what}"
                advice = closest(key.text, list(allowed))
                self.problems.report("E111", key.mark, message, advice)

    def wrong(self, node: Node, message: str, advice: str = "") -> None:
        self.problems.report("E113", node.mark, message, advice)

    def text(self, node: Node | None, what: str) -> str:
        """Return a text; anything else is reported."""
        if node is not None and not isinstance(node, Scalar):
            self.wrong(node, f"{what} is a text")
        return node.text if isinstance(node, Scalar) else ""

    def cases(self) -> list[Case]:
        self.keys(self.document, DOCUMENT_KEYS, "a tests document")
        if self.document.get("cases") is None:
            self.problems.report("E112", self.document.mark, "a tests document needs 'cases'")
        found = []
        for item in listed(self.document.get("cases")):
            if isinstance(item, Fields):
                found += self.case(item)
            else:
                self.wrong(item, "a case is a mapping of keys")
        return found

    def case(self, fields: Fields) -> list[Case]:
        """Return the case, none when it cannot be tried."""
        before = len(self.problems)
        self.keys(fields, CASE_KEYS, "a case")
        name = fields.get("name")
        if not isinstance(name, Scalar) or not name.text:
            self.problems.report("E112", fields.mark, "a case needs 'name'")
            name = Scalar("", fields.mark)
        elif name.text in self.names:
            self.problems.report("E277", name.mark, "another case of the file has this name")
        self.names.add(name.text)
        given = self.given(fields)
        case = Case(
            name,
            fields.mark,
            self.chain(fields),
            self.setting(fields),
            given or Body(b""),
            tuple(self.expectations(fields.get("expect"))),
            self.golden(fields),
            {key.text: value for key, value in fields.entries if key.text in _STATED},
        )
        self.statements(case, fields)
        return [case] if given is not None and len(self.problems) == before else []

    def statements(self, case: Case, fields: Fields) -> None:
        """Check what a case says of the message as a whole, and that it says anything."""
        if {"expect", "matches", *_STATED}.isdisjoint(fields.keys()):
            advice = "add expect:, matches:, diagnostics:, refused:, filtered: or merge:"
            self.problems.report("E272", case.place, "the case expects nothing", advice)
        for name in ("refused", "filtered"):
            for item in listed(case.statements.get(name)):
                self.text(item, name)
        for item in listed(case.statements.get("merge")):
            fits = isinstance(item, Fields) and set(item.keys()) == {"survivor", "subsumed"}
            if not fits and not (isinstance(item, Scalar) and item.text == "none"):
                self.wrong(item, "a merge is {survivor: id, subsumed: id}, or none")

    def shared(self, fields: Fields, name: str) -> Node | None:
        """Return what the case says, else what the document says for all of its cases."""
        found = fields.get(name)
        return self.document.get(name) if found is None else found

    def chain(self, fields: Fields) -> tuple[str, ...]:
        node = self.shared(fields, "chain")
        return texts(node) if node is not None else ()

    def setting(self, fields: Fields) -> Setting:
        node = self.shared(fields, "site")
        if node is None:
            return Setting()
        if not isinstance(node, Fields):
            self.wrong(node, "site holds keys of a site, as {timezone: America/Chicago}")
            return Setting()
        self.keys(node, SITE_KEYS, "the site of a case")
        usual = Setting()
        taken = node.get("processing")
        return Setting(
            self.text(node.get("name"), "name") or usual.name,
            self.text(node.get("timezone"), "timezone") or usual.timezone,
            self.text(node.get("charset"), "charset") or usual.charset,
            self.text(node.get("require_control_id"), "require_control_id") == "true",
            texts(taken) if taken is not None else usual.processing,
        )

    def given(self, fields: Fields) -> Given | None:
        """Return what comes in; None after a problem was reported."""
        said = [name for name in _INPUTS if fields.get(name) is not None]
        if len(said) > 1:
            key = fields.key(said[1]) or Scalar("", fields.mark)
            message = f"a case has one input, and here are {' and '.join(said)}"
            self.problems.report("E270", key.mark, message)
            return None
        node = fields.get(said[0]) if said else self.document.get("message")
        if node is None:
            advice = "inputs: " + ", ".join(_INPUTS)
            self.problems.report("E270", fields.mark, "the case has no input", advice)
            return None
        read = {
            "segments": self.segments,
            "file": self.file,
            "rows": lambda rows: self.rows(rows, fields),
            "resource": self.resource,
        }.get(said[0] if said else "message", self.message)
        return read(node)

    def message(self, node: Node) -> Given | None:
        text = self.text(node, "message")
        return Body(_wire(text)) if text else None

    def segments(self, node: Node) -> Given | None:
        base = self.text(self.document.get("message"), "message")
        if not base or not isinstance(node, Fields):
            message = "'segments' changes the message of the document, and there is none"
            self.problems.report("E274", node.mark, message, "add message: before cases:")
            return None
        text = edited(base, node, self.problems)
        return Body(_wire(text)) if text is not None else None

    def file(self, node: Node) -> Given | None:
        path = self.beside(node, "file")
        if path and path not in self.known:
            message = f"there is no file {path}"
            self.problems.report("E273", node.mark, message, "its place is told from this file")
            return None
        return FileOf(path, node) if path and isinstance(node, Scalar) else None

    def beside(self, node: Node, what: str) -> str:
        """Return the path of a file that is named from this one; empty after a problem."""
        named = self.text(node, what)
        parts = node.mark.file.split("/")[:-1]
        for part in named.split("/"):
            if part == "..":
                parts = parts[:-1] if parts else ["", ""]
            else:
                parts.append(part)
        if not named or named.startswith("/") or not all(parts):
            self.problems.report("E273", node.mark, f"{what} is a file below this folder")
            return ""
        return "/".join(part for part in parts if part != ".")

    def rows(self, node: Node, fields: Fields) -> Given | None:
        feed = self.text(self.shared(fields, "feed"), "feed")
        if not feed:
            self.problems.report("E112", node.mark, "rows need 'feed', the name of a csv document")
            return None
        items = listed(node)
        rows = tuple(item for item in items if isinstance(item, Fields))
        if len(rows) < len(items) or not rows:
            self.wrong(node, "a row is a mapping: column: value")
            return None
        deletes = self.text(fields.get("deletes"), "deletes") == "true"
        return Rows(feed, rows, deletes, node.mark)

    def resource(self, node: Node) -> Given | None:
        if isinstance(node, Scalar):
            return Body(node.text.encode(), is_resource=True)
        if not isinstance(node, Fields):
            self.wrong(node, "resource is a FHIR resource, as YAML or as a JSON text")
            return None
        data = from_fields(node, self.problems)
        return Body(data, is_resource=True) if data else None

    def expectations(self, node: Node | None) -> list[Expectation]:
        if node is not None and not isinstance(node, Fields):
            self.wrong(node, "expect holds paths and values: Patient.birthDate: 1980-01-02")
        found = []
        for key, wanted in node.entries if isinstance(node, Fields) else ():
            path = paths.compiled(key, self.problems)
            self.references(wanted)
            if path is not None:
                found.append(Expectation(path, key, wanted))
        return found

    def references(self, wanted: Node) -> None:
        """Check the paths of `{ref: Type}` in what is wanted."""
        if isinstance(wanted, Scalar):
            return
        for item in wanted.items if isinstance(wanted, Items) else ():
            self.references(item)
        for key, value in wanted.entries if isinstance(wanted, Fields) else ():
            if key.text == REF and isinstance(value, Scalar):
                paths.compiled(value, self.problems)
            else:
                self.references(value)

    def golden(self, fields: Fields) -> Golden | None:
        node, ignored = fields.get("matches"), fields.get("ignore")
        if ignored is not None and node is None:
            self.wrong(ignored, "'ignore' goes with 'matches'")
        if node is None:
            return None
        path = self.beside(node, "matches")
        names = frozenset(texts(ignored)) if ignored is not None else frozenset()
        return Golden(path, node, names) if path and isinstance(node, Scalar) else None


def _wire(text: str) -> bytes:
    """Return a message as it is sent: segments end in CR, white space around them is YAML's."""
    lines = (line.strip() for line in text.split("\n"))
    return "\r".join(line for line in lines if line).encode()


def read(file: str, text: str, known: Collection[str], problems: Problems) -> list[Case]:
    """Return the cases of one file; `known` are all files below the folder of the mappings."""
    found: list[Case] = []
    names: set[str] = set()
    for document in nodes.documents(file, text, problems):
        if not isinstance(document, Fields):
            problems.report("E113", document.mark, "a document is a mapping of keys")
            continue
        said = {key.text: value for key, value in document.entries}
        heads = [said.get(name) for name in ("map", "kind")]
        if [head.text if isinstance(head, Scalar) else "" for head in heads] != ["v1", "tests"]:
            message = "a file of tests begins with 'map: v1' and 'kind: tests'"
            problems.report("E114", document.mark, message)
            continue
        found += _Reader(problems, document, known, names).cases()
    return found
