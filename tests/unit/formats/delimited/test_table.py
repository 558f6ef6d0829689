"""Strict reading of a file against its contract: good rows, bad rows, bad files."""

import io
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from engine.core.fault import FaultError
from engine.formats.delimited.contract import Column, Contract, Dialect
from engine.formats.delimited.table import MAX_LINE, Row, Table

CONTRACT = Contract(
    feed="patients",
    files="patients*.csv",
    columns=(
        Column("Id", "Patient Acct No", "id"),
        Column("Last", "Last Name", "str"),
        Column("Born", "DOB", "date", "%m/%d/%Y"),
        Column("Zip", "Zip", "zip", optional=True, lenient=True),
    ),
    key=("Id",),
    zone=ZoneInfo("America/Denver"),
    dialect=Dialect(null_values=frozenset({"", "NULL"})),
)
HEADER = "Patient Acct No,Last Name,DOB\n"


def table(text: str, contract: Contract = CONTRACT, *, deleting: bool = False) -> Table:
    return Table(io.StringIO(text, newline="").readline, contract, deleting=deleting)


def rows(text: str, contract: Contract = CONTRACT) -> list[Row]:
    return list(table(text, contract))


def refusal(text: str, contract: Contract = CONTRACT) -> tuple[str, str]:
    with pytest.raises(FaultError) as caught:
        rows(text, contract)
    return caught.value.fault.code, caught.value.fault.where


def test_rows_know_their_number_and_their_first_line() -> None:
    text = f'{HEADER}1,"Multi\nline",\n\n2,Roe,03/09/1958\n'
    assert [(row.number, row.line, row.code) for row in rows(text)] == [(1, 2, ""), (2, 5, "")]
    assert rows(text)[0].cells == ("1", "Multi\nline", "")


def test_columns_are_found_by_name_in_any_order_with_any_delimiter() -> None:
    for delimiter in (",", ";", "\t", "|"):
        text = delimiter.join(["DOB", "Last Name", "Patient Acct No"]) + "\r\n"
        text += delimiter.join(["03/09/1958", "Doe", "7"]) + "\r\n"
        assert [row.code for row in rows(text)] == [""]
        assert table(text).header == ("DOB", "Last Name", "Patient Acct No")


def test_a_table_without_rows_may_have_no_header_either() -> None:
    assert table("").is_empty
    assert table("\r\n \n").is_empty
    assert rows(HEADER) == []


def test_blank_lines_before_the_header_are_counted() -> None:
    given = table(f"\n{HEADER}1,Doe,\n,,\n\n")
    assert [row.line for row in given] == [3]
    assert (given.count.lines, given.count.rows, given.count.blank) == (5, 1, 3)


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("1,Doe", "cell-count", ""),
        ("1,Doe,03/09/1958,x", "cell-count", ""),
        (",Doe,", "key-missing", "Patient Acct No"),
        ("NULL,Doe,", "key-missing", "Patient Acct No"),
        ("1.2E+05,Doe,", "excel-number", "Patient Acct No"),
        ("1,Doe,1958-03-09", "bad-date", "DOB"),
        ("1,Doe,13/09/1958", "bad-date", "DOB"),
        ("1,Doe,02/30/1958", "bad-date", "DOB"),
        ("1,Doe,03/09/0058", "bad-date", "DOB"),
        ("1,Doe,03/09/58", "bad-date", "DOB"),
        ("1," + "x" * 200_000 + ",", "field-too-long", ""),
    ],
)
def test_a_bad_row_is_rejected_alone(row: str, code: str, column: str) -> None:
    found = rows(f"{HEADER}{row}\n2,Roe,NULL\n")
    assert [(one.code, one.column) for one in found] == [(code, column), ("", "")]
    assert found[1].line == 3


def test_what_a_formula_says_is_kept_as_it_stands() -> None:
    assert rows(f"{HEADER}1,\"=cmd|' /C calc'!A0\",\n")[0].cells[1] == "=cmd|' /C calc'!A0"


def test_a_lenient_column_rejects_no_row() -> None:
    assert [row.code for row in rows("Patient Acct No,Last Name,DOB,Zip\n1,Doe,,3777\n")] == [""]


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("Patient Acct No,Last Name\n1,Doe\n", "column-missing", "DOB"),
        ("Patient Acct No,Last Name,DOB,DOB\n", "column-twice", "line 1"),
        (f"{HEADER}1,Doe,\n{HEADER}", "header-twice", "line 3"),
        (f'{HEADER}1,Doe,\n2,"Roe,\n3,Poe,\n', "unclosed-quote", "line 3"),
        (f'{HEADER}1,"Doe" x,\n', "bad-quote", "line 2"),
        (f"{HEADER}1,D\x00e,\n", "nul-character", "line 2"),
        (f"{HEADER}1,{'x' * (MAX_LINE + 5)},\n", "line-too-long", "line 2"),
        (f'{HEADER}1,"Doe,\n' + "2,Roe,\n" * 40_000, "unclosed-quote", "line 2"),
    ],
)
def test_a_doubtful_file_is_refused_with_its_line(text: str, code: str, where: str) -> None:
    assert refusal(text) == (code, where)


def test_the_trailer_counts_the_rows() -> None:
    agreed = replace(CONTRACT, trailer="TRAILER")
    assert len(rows(f"{HEADER}1,Doe,\n2,Roe,\nTRAILER,2\n", agreed)) == 2
    assert refusal(f"{HEADER}1,Doe,\nTRAILER,2\n", agreed) == ("trailer-count", "line 3")
    assert refusal(f"{HEADER}1,Doe,\n", agreed) == ("trailer-missing", "")
    assert refusal(f"{HEADER}TRAILER,0\n1,Doe,\n", agreed) == ("rows-after-trailer", "line 3")


def test_columns_that_were_not_agreed_are_reported_ignored_or_refused() -> None:
    text = "Patient Acct No,Last Name,DOB,Mood\n1,Doe,,good\n"
    assert table(text).extra == ("Mood",)
    assert table(text, replace(CONTRACT, extra="ignore")).extra == ()
    assert refusal(text, replace(CONTRACT, extra="error")) == ("column-unknown", "header")


def test_the_columns_of_a_reject_file_are_no_news_when_it_comes_back() -> None:
    text = "Patient Acct No,Last Name,DOB,concord_line,concord_reason\n1,Doe,,7,bad-date\n"
    assert table(text, replace(CONTRACT, extra="error")).extra == ()


def test_a_file_of_deletions_needs_the_key_alone() -> None:
    given = table('Patient Acct No,Note\n1,x\n"",y\n', deleting=True)
    assert [row.code for row in given] == ["", "key-missing"]
