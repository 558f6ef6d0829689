"""Rows of a sheet brought into code tables."""

import pytest

from engine.mapping.problem import Place, Problems
from engine.mapping.tables import Table, Target, read_csv
from engine.survey.crosswalk import Incoming, incoming, merged
from engine.survey.sheet import read

HEAD = "source_system,source_code,target_system,target_code,target_display,relationship,comment\n"


def table(*codes: str) -> Table:
    found = Table("labs")
    for code in codes:
        found.add("", code, Target("http://loinc.org", "1-1"), Place("x", 1, 1))
    return found


def taken(text: str, *known: str) -> Incoming:
    return incoming(read(text.encode(), "s.csv"), "s.csv", {"labs": table(*known)}, "labs")


def told(found: Incoming) -> list[str]:
    return [f"{one.place.line}: {one.message}" for one in found.problems]


def test_rows_with_a_target_are_taken_and_others_left_open() -> None:
    found = taken("source_code,target_code\nGLU,2345-7\nNA,\n", "K")
    assert found.open == 1
    ((key, (line, row)),) = found.rows["labs"].items()
    assert (key, line.number) == (("", "GLU"), 2)
    assert row[:4] == ("", "GLU", "http://loinc.org", "2345-7"), "the table's usual system"


def test_what_a_spreadsheet_did_to_a_code_is_put_back() -> None:
    found = taken("source_code,target_code,sent\n7,a-1,[007]\n02. Jan,b-1,[1-2]\n")
    assert list(found.rows["labs"]) == [("", "007"), ("", "1-2")]
    assert found.restored == ["s.csv:2", "s.csv:3"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7,x,", "a spreadsheet may have taken leading zeros away"),
        ('"1,23E+15",x,', "source_code was rounded by a spreadsheet"),
        ("a,1.23E+15,", "target_code was rounded by a spreadsheet"),
        (",x,", "the row has no source code"),
    ],
)
def test_mistakes_have_their_line(row: str, message: str) -> None:
    found = taken(f"source_code,target_code,sent\n{row}\n", "007")
    assert told(found) == [f"2: {message}"]
    assert not found.rows.get("labs")


def test_a_code_twice_and_a_table_nobody_knows() -> None:
    text = "table,source_code,target_code\nlabs,A,1\nlabs,A,1\nlabs,A,2\nlabz,A,1\n"
    found = taken(text)
    assert told(found) == [
        "4: the same code again with another target",
        "5: no code table 'labz' in the chain",
    ]
    assert found.problems[1].help == "did you mean 'labs'?"


def test_new_rows_come_last_and_the_rest_stays() -> None:
    text = f"# unmapped: drop\n{HEAD},A,urn:x,1,One,equivalent,kept\n,B,urn:x,2,,,\n"
    found = taken("source_code,target_system,target_code\nZ,urn:x,9\nB,urn:x,3\nC,urn:x,4\n")
    lines = merged(text, found.rows["labs"]).splitlines()
    assert lines == [
        "# unmapped: drop",
        HEAD.strip(),
        ",A,urn:x,1,One,equivalent,kept",
        ",B,urn:x,3,,,",
        ",C,urn:x,4,,,",
        ",Z,urn:x,9,,,",
    ]


def test_a_new_table_can_be_read_as_one() -> None:
    found = taken('source_code,target_code,comment\nA,1,"two, parts"\n', "K")
    problems, new = Problems(), Table("labs")
    read_csv(new, "labs.csv", merged("", found.rows["labs"]), problems)
    assert len(problems) == 0
    assert new.find("", "a") == Target("http://loinc.org", "1")
