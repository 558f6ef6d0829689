"""The contract part of a csv document: columns with types, dialect, files. Checked, with places."""

import codecs
import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from engine.formats.delimited.cell import KINDS, cell, pattern
from engine.formats.delimited.contract import AUTO, DELIMITERS, Column, Contract, Dialect, Extra
from engine.mapping.documents import listed, text_at
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Problems

_TYPE = re.compile(r"(\w+)(?:\((.+)\))?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COLUMN_KEYS = ("header", "type", "optional", "bad")
_DIALECT_KEYS = ("encoding", "delimiter", "quote", "null_values")
_EXTRA: dict[str, Extra] = {"": "report", "report": "report", "ignore": "ignore", "error": "error"}
RESERVED = frozenset({"received", "and", "or", "not", "in", "is", "valued", "null", "matches"})


class Agreement:
    """Reads one document; problems are reported, the result is then not to be used."""

    def __init__(self, document: Fields, zone: ZoneInfo, problems: Problems) -> None:
        self._document = document
        self._zone = zone
        self._problems = problems

    def contract(self, key: tuple[str, ...]) -> Contract:
        """Return the contract; `key` are the columns that say what a row is about."""
        document = self._document
        extra = text_at(document, "on_extra_column")
        if extra not in _EXTRA:
            self._wrong(document.get("on_extra_column"), "it is report, ignore or error")
        name_time = text_at(document, "extract_time")
        if name_time:
            self._check_time(document.get("extract_time"), name_time)
        return Contract(
            text_at(document, "feed"),
            text_at(document, "files"),
            self.columns(),
            key,
            self._zone,
            self._dialect(),
            _EXTRA.get(extra, "report"),
            text_at(document, "deletes"),
            text_at(document, "trailer"),
            name_time,
        )

    def columns(self) -> tuple[Column, ...]:
        node = self._document.get("columns")
        if not isinstance(node, Fields) or not node.entries:
            self._wrong(node or self._document, "columns are {Name: type, ...}")
            return ()
        found = tuple(self._column(name, value) for name, value in node.entries)
        headers = [column.header for column in found]
        if len(set(headers)) != len(headers):
            self._wrong(node, "two columns have the same header")
        return found

    def _column(self, name: Scalar, value: Node) -> Column:
        if not _NAME.fullmatch(name.text) or name.text in RESERVED:
            self._problems.report("E251", name.mark, f"'{name.text}' is no name for a column")
        fields = value if isinstance(value, Fields) else Fields((), value.mark)
        self._known(fields, _COLUMN_KEYS)
        written = fields.get("type") if fields.entries else value
        kind, argument = self._type(written or value)
        bad = text_at(fields, "bad")
        if bad not in {"", "row", "value"}:
            self._wrong(fields.get("bad"), "bad is row or value: what a wrong value costs")
        optional = self._flag(fields, "optional")
        header = text_at(fields, "header") or name.text
        return Column(name.text, header, kind, argument, optional, bad == "value")

    def _type(self, node: Node) -> tuple[str, str]:
        text = node.text if isinstance(node, Scalar) else ""
        found = _TYPE.fullmatch(text)
        kind, argument = (found[1], found[2] or "") if found else (text, "")
        try:
            cell(kind, argument)
        except ValueError:
            advice = closest(kind, list(KINDS)) if kind not in KINDS else "as date(%m/%d/%Y)"
            self._problems.report("E251", node.mark, f"'{text}' is no type of column", advice)
            return "str", ""
        return kind, argument

    def _dialect(self) -> Dialect:
        node = self._document.get("dialect")
        if node is None:
            return Dialect()
        if not isinstance(node, Fields):
            self._wrong(node, "a dialect is {encoding: [...], delimiter: ..., ...}")
            return Dialect()
        self._known(node, _DIALECT_KEYS)
        given = Dialect()
        encodings = tuple(self._texts(node.get("encoding"))) or given.encodings
        for name in encodings:
            self._check_encoding(node, name)
        delimiter = text_at(node, "delimiter").replace("tab", "\t") or AUTO
        if delimiter not in {AUTO, *DELIMITERS}:
            self._wrong(node.get("delimiter"), "a delimiter is auto, a comma, ;, | or tab")
        quote = text_at(node, "quote") if node.get("quote") else given.quote
        if quote not in {"", '"', "'"}:
            self._wrong(node.get("quote"), "a quote is \" or ', or empty for none")
        nulls = frozenset(self._texts(node.get("null_values"))) | {""}
        return Dialect(encodings, delimiter, quote, nulls)

    def _check_encoding(self, node: Node, name: str) -> None:
        try:
            codecs.getincrementaldecoder(name)
        except LookupError:
            self._wrong(node, f"there is no character set '{name}'")

    def _check_time(self, node: Node | None, form: str) -> None:
        try:
            pattern(form)
        except ValueError:
            self._wrong(node, "a time in a name is written with %Y, %m, %d, %H, %M and %S")

    def _flag(self, fields: Fields, name: str) -> bool:
        text = text_at(fields, name)
        if text not in {"", "true", "false"}:
            self._wrong(fields.get(name), f"{name} is true or false")
        return text == "true"

    def _texts(self, node: Node | None) -> Iterable[str]:
        return [item.text for item in listed(node) if isinstance(item, Scalar)]

    def _known(self, fields: Fields, keys: tuple[str, ...]) -> None:
        for key, _ in fields.entries:
            if key.text not in keys:
                advice = closest(key.text, list(keys))
                self._problems.report("E111", key.mark, f"unknown key '{key.text}'", advice)

    def _wrong(self, node: Node | None, message: str) -> None:
        self._problems.report("E251", (node or self._document).mark, message)
