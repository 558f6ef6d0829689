"""Drafts of a site's mapping: they compile as they are, and hold nothing of a patient."""

import re
from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import Library
from engine.mapping.plan import compile_plan
from engine.mapping.site import SiteProfile
from engine.survey.draft.feed import Below, columns, document
from engine.survey.draft.guess import ColumnGuess, DatatypeGuess
from engine.survey.draft.site import Draft, Sample, drafted
from tests.unit.survey.conftest import FILES

SAMPLES = Path(__file__).parents[3] / "samples"
PROFILE = SiteProfile("newtown", "UTC", ("base", "site/newtown"), b"k" * 32)
LIBRARY = Library(tuple(sorted(FILES.items())))
HEADER = "MSH|^~\\&|APP|FAC|||20260314101500||ADT^A01|C1|P|2.5.1"


def draft(*segments: str) -> Draft:
    message = "\r".join([HEADER, *segments]).encode()
    return drafted(LIBRARY, PROFILE, [Sample("a.hl7", message)])


def overlay(found: Draft) -> str:
    return found.files["site/newtown/overlay.yaml"]


def test_z_segments_are_declared_with_types_guessed() -> None:
    text = overlay(
        draft(
            "PID|1||4711^^^HOSP^MR||Doe^Ann",
            "ZPD|one two|20260101|Y|7.5|A^Alpha|1~2||x",
            "ZPD|3|202601011200|N|8",
        )
    )
    assert '  ZPD: {1: ST, 2: DTM, 3: ID, 4: NM, 5: CWE, 6: "NM*", 8: ST}   # decide' in text


def test_authorities_are_declared_with_the_kinds_they_give() -> None:
    text = overlay(draft("PID|1||4711^^^HOSP^MR~5^^^EAST-1^PI~6^^^A&1.2.3&ISO^X||Doe^Ann"))
    assert '    HOSP: {system: "urn:id:newtown:HOSP", type: MR}   # PID-3' in text
    assert '    "EAST-1": {system: "urn:id:newtown:EAST-1", type: PI}   # PID-3' in text
    assert "1.2.3" not in text, "a universal id is a system already"


def test_who_a_patient_is_where_no_usual_type_says_it() -> None:
    found = draft("PID|1||4711^^^HOSP^CHART~9^^^HOSP^AN||Doe^Ann")
    assert """{label: CHART, from: 'PID-3[$5 = "CHART"]'}""" in overlay(found)
    assert "patient:" not in overlay(draft("PID|1||4711^^^HOSP^MR||Doe^Ann"))


def test_what_is_mapped_and_what_is_undecided_stands_at_the_end() -> None:
    text = overlay(draft("PID|1||4711^^^HOSP^MR||Doe^Ann||||||12 Elm St"))
    assert "#   PID-11: 1 (99 Aaa Aa)" in text
    assert re.search(r"^#   .*\bPID-5\b", text.partition("# Mapped")[2], re.MULTILINE)


def test_codes_to_fill_in_are_those_that_look_like_codes() -> None:
    found = draft("PID|1||4711||Doe|||Z")
    assert [gap.asked.code for gap in found.gaps] == ["Z"]
    assert draft("PID|1||4711||Doe|||said to be a man").gaps == []


def test_a_file_becomes_a_feed_that_maps_its_rows() -> None:
    rows = "Patient No,Last Name,First Name,DOB,Sex,Balance\n001,Doe,Ann,03/14/1980,F,12.50\n"
    found = drafted(LIBRARY, PROFILE, [Sample("census_20260101.csv", rows.encode())])
    text = found.files["site/newtown/feeds/census.yaml"]
    assert '  DOB: {header: "DOB", type: date(%m/%d/%Y)}' in text
    assert "patient: {MR: PatientNo}" in text
    assert "  name: [{set: {family: LastName, given: FirstName}}]" in text
    assert found.coverage.refused == {}
    assert found.coverage.paths["census.Last Name"].state == "mapped"
    assert found.coverage.paths["census.Balance"].state == "undecided"


def test_rows_without_a_header_are_refused() -> None:
    with pytest.raises(FaultError) as caught:
        drafted(LIBRARY, PROFILE, [Sample("rows.csv", b"001,Doe,1980-01-01\n")])
    assert caught.value.fault.code == "no-header"


def test_a_draft_compiles_as_it_is() -> None:
    found = draft("PID|1||4711^^^HOSP^CHART||Doe^Ann", "ZPD|1|A^B~C")
    whole = Library(tuple(sorted({**FILES, **found.files}.items())))
    plan = compile_plan(whole, PROFILE)
    message = parse("\r".join([HEADER, "PID|1||4711^^^HOSP^CHART"]).encode())
    assert plan.lane(message) == "CHART:4711"


@pytest.mark.parametrize("site", ["mercy", "lakeside", "hilltop"])
def test_no_value_of_a_patient_stands_in_a_draft(site: str) -> None:
    messages = (SAMPLES / "messages" / site).glob("*.hl7")
    files = [*messages, *(SAMPLES / "files" / site).glob("*.csv")]
    found = drafted(LIBRARY, PROFILE, [Sample(file.name, file.read_bytes()) for file in files])
    text = "\n".join(found.files.values()).casefold()
    for file in files:
        for line in file.read_text("cp1252").splitlines():
            for word in _personal(line):
                assert not re.search(rf"\b{re.escape(word)}\b", text), (file.name, line[:4])


def _personal(line: str) -> list[str]:
    fields = line.split("|")
    wanted = {"PID": (5, 7, 11, 13, 19), "NK1": (2, 4, 5)}.get(fields[0], ())
    found = [word for n in wanted if n < len(fields) for word in re.split(r"[\^~ ]", fields[n])]
    numbers = [item.split("^")[0] for item in fields[3].split("~")] if fields[0] == "PID" else []
    return [word.casefold() for word in (*found, *numbers) if len(word) > 4]


def test_names_of_columns_are_words_of_expressions() -> None:
    found = columns(["Patient No", "not", "a-b", "A b", "Not"], [])
    assert [one.name for one in found] == ["PatientNo", "Column2", "AB", "Column4", "Column5"]
    assert "key: [PatientNo]" in document("x", "rows", found, Below("MR", sexes=False))


@pytest.mark.parametrize(
    ("header", "values", "kind"),
    [
        ("Seen", ["2026-01-31", ""], "date(%Y-%m-%d)"),
        ("Seen", ["31/01/2026"], "date(%d/%m/%Y)"),
        ("Seen", ["01/31/2026 5:07 PM"], "datetime(%m/%d/%Y %I:%M %p)"),
        ("Amount", ["12.5", "7"], "decimal"),
        ("Visit", ["0012", "0013"], "str"),
        ("Status", ["open", "open", "open", "closed"], "code"),
        ("Home Phone", ["(608)555-0121", "608-555-0123"], "phone"),
        ("Nothing", ["", ""], "str"),
    ],
)
def test_types_of_columns(header: str, values: list[str], kind: str) -> None:
    guess = ColumnGuess(header)
    for value in values:
        guess.add(value)
    assert guess.kinds()[0] == kind


def test_types_of_z_fields() -> None:
    guess = DatatypeGuess()
    guess.add("20260101")
    assert guess.datatype == "DTM"
    guess.add("soon~later")
    assert guess.datatype == "ST*"
