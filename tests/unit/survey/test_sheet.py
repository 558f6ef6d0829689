"""Sheets as spreadsheets leave them."""

import pytest

from engine.core.fault import FaultError
from engine.survey.sheet import read, written

ROWS = [{"table": "sex", "source_code": "007", "target_code": "male", "sent": "[007]", "text": "ü"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_what_was_written_is_read_however_it_was_saved(delimiter: str, encoding: str) -> None:
    saved = written(ROWS, delimiter).decode("utf-8-sig").encode(encoding)
    (line,) = read(saved, "s.csv")
    assert (line.number, line.sent, line.get("source_code"), line.get("text")) == (
        2,
        "007",
        "007",
        "ü",
    )


def test_a_written_sheet_is_made_for_spreadsheets() -> None:
    data = written(ROWS)
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == 2


def test_a_formula_is_no_formula_and_comes_back() -> None:
    data = written([{"source_code": "=1+1", "target_code": "x", "text": "-"}])
    assert b"'=1+1" in data
    assert read(data, "s.csv")[0].get("source_code") == "=1+1"


def test_lines_before_the_header_and_empty_lines_count() -> None:
    text = 'sep=;\r\n# unmapped: keep;;\r\nsource_code;target_code\r\n;\r\n"a\nb";x\r\nc;y\r\n'
    assert [line.number for line in read(text.encode(), "s.csv")] == [5, 7]


def test_a_code_table_is_a_sheet() -> None:
    text = "# unmapped: drop\nsource_system,source_code,target_system,target_code\n,M,urn:x,male\n"
    (line,) = read(text.encode(), "sex.csv")
    assert (line.number, line.get("target_system"), line.sent) == (3, "urn:x", "")


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"a,b\n1,2\n", "sheet-columns"), (b"", "sheet-columns"), (b"\xff\xfea", "sheet-columns")],
)
def test_what_is_no_sheet_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(FaultError) as caught:
        read(data, "s.csv")
    assert caught.value.fault.code == code
