"""csv documents compiled: from the rows of a file to closures over a row."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.formats.delimited.cell import Cell, cell
from engine.formats.delimited.contract import Contract
from engine.mapping import syntax
from engine.mapping.agreement import Agreement
from engine.mapping.columns import Columns, declared
from engine.mapping.context import Context, condition
from engine.mapping.documents import listed, text_at
from engine.mapping.expression import Compiler
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Problems
from engine.mapping.resource import CompiledMap, compile_map
from engine.mapping.scope import Scope
from engine.mapping.vocabulary import Declared
from engine.r4 import elements

PATIENT = "Patient"
LINKS = (("subject", PATIENT), ("patient", PATIENT), ("beneficiary", PATIENT))
One = Callable[[Scope], str]
Fresh = Callable[[Declared, Columns, str], Context]
"""Make a context: declared segments, columns, resource type."""


@dataclass(frozen=True, slots=True)
class Make:
    """One resource of a row. A weak one only identifies."""

    map: CompiledMap
    weak: bool = False


@dataclass(frozen=True, slots=True)
class CompiledFeed:
    """A csv document ready to run."""

    contract: Contract
    cells: tuple[Cell, ...]  # of the columns, in their order
    headers: tuple[str, ...]
    label: str  # of the patient key, as the identity rule calls it
    patient: One
    changed: int  # number of the column that says when the row was changed, 0 for none
    fills: frozenset[str]  # elements that fill gaps and never replace what a message said
    clears: bool  # an empty cell takes back what the column said before
    gone: Callable[[Scope], bool] | None  # whether the row is a deletion
    makes: tuple[Make, ...]
    deletes: tuple[Make, ...]  # of a row of a file of deletions
    departs: tuple[Make, ...]  # of a row that is marked as deleted


class _Compiler:
    def __init__(self, document: Fields, problems: Problems, fresh: Fresh, zone: ZoneInfo) -> None:
        self._document = document
        self._problems = problems
        self._fresh = fresh
        self._agreement = Agreement(document, zone, problems)
        found = self._agreement.columns()
        self._columns: Columns = {column.name: n for n, column in enumerate(found, 1)}
        self._declared = declared([column.kind for column in found])
        self._to = text_at(document, "to")

    def feed(self, labels: list[str]) -> CompiledFeed:
        label, scalar = self._patient(labels)
        patient, read = self._text(scalar)
        key = [name for node in listed(self._document.get("key")) for name in self._text(node)[1]]
        contract = self._agreement.contract(tuple(dict.fromkeys([*read, *key])))
        edits = self._document.get("on_delete")
        return CompiledFeed(
            contract,
            tuple(cell(column.kind, column.argument) for column in contract.columns),
            tuple(column.header for column in contract.columns),
            label,
            patient,
            self._changed(contract),
            self._fills(),
            self._clears(),
            condition(self._context(), self._document.get("delete_when"), without=False),
            self._makes(self._document),
            self._of_deletions(edits) if contract.deletes else (),
            self._makes(self._edited(edits)) if self._document.get("delete_when") else (),
        )

    def _context(self, resource: str = PATIENT) -> Context:
        return self._fresh(self._declared, self._columns, resource)

    def _patient(self, labels: list[str]) -> tuple[str, Node | None]:
        node = self._document.get("patient")
        if not isinstance(node, Fields) or len(node.entries) != 1:
            mark = (node or self._document).mark
            self._problems.report("E252", mark, "patient is {label of the identity rule: column}")
            return "", None
        label, value = node.entries[0]
        if label.text not in labels:
            message = f"the identity rule has no '{label.text}'"
            self._problems.report("E252", label.mark, message, closest(label.text, labels))
        return label.text, value

    def _text(self, node: Node | None) -> tuple[One, list[str]]:
        """Compile an expression; also return the columns it reads."""
        if not isinstance(node, Scalar):
            return (lambda _: ""), []
        compiler = Compiler(self._context().grammar, node)
        tree = compiler.parse(node.text)
        if tree is None:
            return (lambda _: ""), []
        numbers = [leaf.number for leaf in syntax.leaves(tree) if isinstance(leaf, syntax.Path)]
        names = list(self._columns)
        return compiler.text(tree), [names[number - 1] for number in numbers]

    def _changed(self, contract: Contract) -> int:
        node = self._document.get("changed")
        if node is None:
            return 0
        name = node.text if isinstance(node, Scalar) else ""
        number = self._columns.get(name, 0)
        if not number or contract.columns[number - 1].kind not in {"date", "datetime"}:
            message = "changed names a column of type date or datetime"
            self._problems.report("E250", node.mark, message, closest(name, list(self._columns)))
        return number

    def _fills(self) -> frozenset[str]:
        found = set()
        for node in listed(self._document.get("fills")):
            name = node.text if isinstance(node, Scalar) else ""
            if name not in elements.children(self._to):
                advice = closest(name, list(elements.children(self._to)))
                self._problems.report("E203", node.mark, f"no element '{name}'", advice)
            found.add(name)
        return frozenset(found)

    def _clears(self) -> bool:
        node = self._document.get("empty")
        text = text_at(self._document, "empty")
        if node is not None and text not in {"keep", "clear"}:
            self._problems.report("E113", node.mark, "empty is keep or clear")
        return text == "clear"

    def _makes(self, document: Fields) -> tuple[Make, ...]:
        makes = [] if self._to == PATIENT else self._identifying(document)
        return (*makes, Make(self._map(self._to, document)))

    def _identifying(self, document: Fields) -> list[Make]:
        """A `Patient` beside another resource says whom it is about, not how they are."""
        if document.get(PATIENT) is None:
            message = f"a feed of {self._to} needs a 'Patient' that says whom it is about"
            self._problems.report("E112", document.mark, message)
            return []
        return [Make(self._map(PATIENT, document), weak=True)]

    def _map(self, resource: str, document: Fields) -> CompiledMap:
        context = self._context(resource)
        if resource == PATIENT:
            document = document.drop("key")
        if resource != self._to:
            document = document.drop("skip", "mode")
        links = LINKS if resource != PATIENT else ()
        return compile_map(context, text_at(self._document, "feed"), document, links)

    def _of_deletions(self, edits: Node | None) -> tuple[Make, ...]:
        """A row with nothing but its key can only withdraw a patient's record."""
        node = self._document.get("deletes")
        if self._to != PATIENT or not isinstance(edits, Fields):
            mark = (node or self._document).mark
            message = "files of deletions need 'to: Patient' and 'on_delete'"
            self._problems.report("E253", mark, message)
            return ()
        key = self._document.key(PATIENT) or Scalar(PATIENT, edits.mark)
        return self._makes(self._document.put(key, edits))

    def _edited(self, edits: Node | None) -> Fields:
        body = self._document.get(self._to)
        key = self._document.key(self._to)
        if not isinstance(edits, Fields) or not isinstance(body, Fields) or key is None:
            mark = (edits or self._document).mark
            message = "delete_when needs 'on_delete': the elements of a deleted row"
            self._problems.report("E253", mark, message)
            return self._document
        for name, value in edits.entries:
            body = body.put(name, value)
        return self._document.put(key, body)


def compile_feed(
    document: Fields, problems: Problems, fresh: Fresh, zone: ZoneInfo, labels: list[str]
) -> CompiledFeed:
    """Compile a document; problems are reported, the result is then not to be used.

    `labels` are those of the patient keys of the site's identity rule.
    """
    return _Compiler(document, problems, fresh, zone).feed(labels)
