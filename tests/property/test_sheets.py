"""Sheets: whatever codes are, they come back as they were sent."""

from hypothesis import given
from hypothesis import strategies as st

from engine.mapping.problem import Place, Problems
from engine.mapping.tables import Table, Target, read_csv
from engine.survey.crosswalk import incoming, merged
from engine.survey.mask import shape
from engine.survey.sheet import read, written

CODE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
DELIMITER = st.sampled_from([",", ";", "\t"])


def table() -> Table:
    found = Table("t")
    found.add("", "known code", Target("urn:x", "k"), Place("t.csv", 1, 1))
    return found


@given(codes=st.dictionaries(CODE, CODE, min_size=1, max_size=5), text=TEXT, delimiter=DELIMITER)
def test_codes_survive_sheet_and_table(codes: dict[str, str], text: str, delimiter: str) -> None:
    rows = [
        {
            "table": "t",
            "source_code": code,
            "target_code": target,
            "text": text,
            "sent": f"[{code}]",
        }
        for code, target in codes.items()
    ]
    lines = read(written(rows, delimiter), "s.csv")
    found = incoming(lines, "s.csv", {"t": table()})
    taken = {key[1]: row[3] for key, (_, row) in found.rows.get("t", {}).items()}
    refused = {lines[one.place.line - 2].sent for one in found.problems}
    assert taken == {code: target for code, target in codes.items() if code not in refused}
    problems, new = Problems(), Table("t")
    read_csv(new, "t.csv", merged("", found.rows.get("t", {})), problems)
    assert {code: target.code for (_, code), target in new.rows.items()} == taken


@given(text=st.text(max_size=60))
def test_a_shape_has_no_letter_or_digit_of_the_text(text: str) -> None:
    assert set(shape(text)) <= set("Aa9?^~&-/.:,+()@#_%*' |")
