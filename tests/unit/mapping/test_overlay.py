"""Changes by label."""

import pytest

from engine.core.strict_yaml import plain, read
from engine.mapping import overlay
from engine.mapping.node import Fields, Items, Node, Scalar, documents
from engine.mapping.problem import MappingErrors, Place, Problems

BASE = """
identifier:
  - {label: list, from: PID-3}
  - {label: ssn, from: PID-19}
birthDate: PID-7
deceased:
  - {dateTime: PID-29}
  - {boolean: PID-30}
participant:
  - {label: attending, each: PV1-7, set: {type: "=ATND"}}
value:
  switch: OBX-2
  "CE,CWE": {string: OBX-5}
"""


def tree(text: str) -> Fields:
    (found,) = documents("f.yaml", text, Problems())
    assert isinstance(found, Fields)
    return found


def bare(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [bare(item) for item in node.items]
    return {key.text: bare(value) for key, value in node.entries}


def changed(path: str, new: str) -> object:
    problems = Problems()
    value = tree(f"x: {new}").get("x")
    assert value is not None
    result = overlay.change(tree(BASE), Scalar(path, Place("o.yaml", 1, 1)), value, problems)
    problems.raise_any()
    return bare(result)


def base() -> dict[str, object]:
    found = plain(read(BASE, "f.yaml").root or pytest.fail("no base"))
    assert isinstance(found, dict)
    return found


def test_scalar_replaces_and_a_new_element_is_added() -> None:
    assert changed("birthDate", "PID-8") == {**base(), "birthDate": "PID-8"}
    assert changed("gender", "PID-8") == {**base(), "gender": "PID-8"}


def test_labelled_entry_is_replaced_and_keeps_its_label() -> None:
    expected = [{"label": "list", "from": "PID-4"}, {"label": "ssn", "from": "PID-19"}]
    assert changed("identifier.list", "{from: PID-4}") == {**base(), "identifier": expected}
    assert changed("identifier.list", "PID-4") == {**base(), "identifier": expected}


def test_entries_are_appended_prepended_and_removed() -> None:
    assert changed("identifier", "{append: [PID-18]}") == {
        **base(),
        "identifier": [*base()["identifier"], "PID-18"],  # type: ignore[misc]
    }
    assert changed("identifier.ssn", "remove") == {
        **base(),
        "identifier": [{"label": "list", "from": "PID-3"}],
    }
    assert changed("identifier", "{prepend: [PID-2], remove: [list]}") == {
        **base(),
        "identifier": ["PID-2", {"label": "ssn", "from": "PID-19"}],
    }


def test_paths_reach_into_sets_branches_and_switch_cases() -> None:
    assert changed("participant.attending.type", '"=PPRF"') == {
        **base(),
        "participant": [{"label": "attending", "each": "PV1-7", "set": {"type": "=PPRF"}}],
    }
    assert changed("deceased.boolean", "PID-31") == {
        **base(),
        "deceased": [{"dateTime": "PID-29"}, {"boolean": "PID-31"}],
    }
    assert changed("value.CWE.string", "OBX-5.2") == {
        **base(),
        "value": {"switch": "OBX-2", "CE,CWE": {"string": "OBX-5.2"}},
    }


def test_unlabelled_list_is_replaced_as_a_whole() -> None:
    assert changed("deceased", "[{boolean: PID-30}]") == {
        **base(),
        "deceased": [{"boolean": "PID-30"}],
    }


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("identifier.mrn", "PID-3"),
        ("nothing.below", "PID-3"),
        ("gender", "remove"),
        ("birthDate.year", "PID-3"),
        ("identifier", "{remove: [mrn]}"),
        ("gender", "{remove: [x]}"),
    ],
)
def test_a_change_that_hits_nothing_is_an_error(path: str, new: str) -> None:
    with pytest.raises(MappingErrors) as raised:
        changed(path, new)
    assert [problem.code for problem in raised.value.problems] == ["E120"]
