"""Laws of reading delimited files: what was written is read; what is not is a fault."""

import csv
import io
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.fault import FaultError
from engine.formats.delimited.cell import KINDS, CellError, cell
from engine.formats.delimited.contract import DELIMITERS, Column, Contract, Dialect
from engine.formats.delimited.decode import EncodingChoice
from engine.formats.delimited.delivery import RowDelivery, read_delivery
from engine.formats.delimited.table import Table

HEADERS = ("Id", "Name", "Note")
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
IDS = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,5}", fullmatch=True)
ROWS = st.lists(st.tuples(IDS, CELLS, CELLS), max_size=8)
ARGUMENTS = {"date": "%m/%d/%Y", "datetime": "%m/%d/%Y %H:%M", "digits": "9"}


def contract(delimiter: str = "auto") -> Contract:
    columns = tuple(Column(name, name, "str") for name in HEADERS)
    zone = ZoneInfo("America/Denver")
    return Contract("f", "*", columns, ("Id",), zone, Dialect(delimiter=delimiter))


def written(rows: list[tuple[str, str, str]], delimiter: str, end: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADERS)
    writer.writerows(rows)
    return out.getvalue()


def table(text: str, given: Contract) -> Table:
    return Table(io.StringIO(text, newline="").readline, given)


@given(ROWS, st.sampled_from(DELIMITERS), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=80)
def test_what_was_written_is_read(
    rows: list[tuple[str, str, str]], delimiter: str, end: str
) -> None:
    text = written(rows, delimiter, end)
    for agreed in (delimiter, "auto"):
        found = list(table(text, contract(agreed)))
        assert [(row.cells, row.code) for row in found] == [(cells, "") for cells in rows]
        lines = text.splitlines(keepends=True)
        assert all(row.line <= len(lines) for row in found)


@given(st.text(max_size=200), st.sampled_from(DELIMITERS))
@settings(max_examples=150)
def test_any_text_is_rows_or_a_fault(text: str, delimiter: str) -> None:
    header = delimiter.join(HEADERS)
    try:
        given_table = table(f"{header}\n{text}", contract(delimiter))
        found = list(given_table)
    except FaultError:
        return
    assert given_table.count.rows == len(found)
    assert [row.number for row in found] == list(range(1, len(found) + 1))
    assert all(row.code or len(row.cells) == len(HEADERS) for row in found)


@given(st.binary(max_size=200), st.integers(1, 50))
@settings(max_examples=80)
def test_the_character_set_does_not_depend_on_how_bytes_are_cut(data: bytes, size: int) -> None:
    def chosen(step: int) -> str:
        choice = EncodingChoice(("utf-8-sig", "cp1252"))
        try:
            for start in range(0, len(data), step):
                choice.feed(data[start : start + step])
            return choice.chosen()
        except FaultError as error:
            return error.fault.code

    whole = chosen(max(1, len(data)))
    if whole == "file-compressed":  # seen by its first bytes, which may come one by one
        return
    assert chosen(size) == whole
    if whole in {"utf-8-sig", "cp1252"}:
        assert data.decode(whole) is not None


@given(st.sampled_from(KINDS), st.text(max_size=30))
@settings(max_examples=150)
def test_a_cell_is_read_or_refused_and_reading_is_stable(kind: str, text: str) -> None:
    read = cell(kind, ARGUMENTS.get(kind, ""))
    try:
        found = read(text)
    except CellError:
        return
    assert found == read(text)
    if kind not in {"date", "datetime", "digits"}:
        assert found == text


@given(st.dictionaries(CELLS, CELLS, max_size=5), st.integers(1, 10**9), st.booleans())
@settings(max_examples=80)
def test_a_delivery_survives_its_bytes(columns: dict[str, str], row: int, deleted: bool) -> None:
    given_row = RowDelivery("f", "ab" * 32, row, 1, columns, deleted)
    assert read_delivery(given_row.to_bytes()) == given_row


@given(st.binary(max_size=80))
@settings(max_examples=80)
def test_any_bytes_are_a_delivery_or_a_fault(data: bytes) -> None:
    with pytest.raises(FaultError):
        read_delivery(data)
