"""What is counted of the paths of a traffic."""

from engine.mapping.plan import Plan
from engine.survey.coverage import counted
from engine.survey.given import Given
from engine.survey.populated import values
from tests.unit.survey.conftest import Send

PID = "PID|1||4711^^^HOSP^MR||Doe^Ann||19800401|F|||1 Elm St"


def test_each_path_has_its_state(plan: Plan, send: Send) -> None:
    found = counted(plan, [send(PID, "ZIN|x|y", "ZPD||yes")])
    states = {path.path: path.state for path in found.paths.values()}
    assert states["PID-5"] == states["PID-3"] == "mapped"
    assert states["PID-1"] == states["ZIN-1"] == states["ZIN-2"] == "ignored"
    assert states["PID-11"] == states["ZPD-2"] == "undecided"
    assert found.paths["ZIN-1"].reason == "billing"
    assert dict(found.paths["PID-5"].into) == {"Patient.name": 1}


def test_deliveries_and_values_are_counted(plan: Plan, send: Send) -> None:
    traffic = [send(PID), send(PID, "NK1|1", "NK1|2"), send(PID.replace("19800401", "someday"))]
    found = counted(plan, traffic)
    kin, born = found.paths["NK1-1"], found.paths["PID-7"]
    assert (kin.deliveries, kin.values, kin.undecided) == (1, 2, 2)
    assert (born.deliveries, born.used, born.lost, born.state) == (3, 2, 1, "mapped")
    assert found.values == sum(path.values for path in found.paths.values())


def test_what_is_to_be_decided_comes_first_then_volume(plan: Plan, send: Send) -> None:
    found = counted(plan, [send(PID, "ZPD|a"), send("PID|1||1", "ZPD|a|b")])
    ranked = [path.path for path in found.ranked()]
    assert ranked.index("ZPD-1") < ranked.index("PID-11") < ranked.index("PID-5")
    assert [found.paths[name].state for name in ranked] == sorted(
        (path.state for path in found.paths.values()),
        key=["undecided", "lost", "mapped", "ignored"].index,
    )


def test_shapes_hold_no_value(plan: Plan, send: Send) -> None:
    found = counted(plan, [send(PID)])
    assert list(found.paths["PID-11"].shapes) == ["9 Aaa Aa"]
    shown = " ".join(shape for path in found.paths.values() for shape in path.shapes)
    assert not any(word in shown for word in ("Doe", "Ann", "4711", "Elm", "1980"))


def test_what_is_refused_or_filtered_is_counted_apart(plan: Plan, send: Send) -> None:
    unread = Given("torn", None)
    found = counted(plan, [send(PID, mode="T"), send(PID, kind="ADT^A99"), send("PID|1"), unread])
    assert (found.deliveries, found.filtered, found.values) == (4, 1, 0)
    assert found.refused == {"unknown-trigger": 1, "missing-patient-key": 1, "content-not-sent": 1}
    assert found.decided == 100


def test_codes_that_no_table_has_are_counted(plan: Plan, send: Send) -> None:
    found = counted(plan, [send(PID.replace("|F|", f"|{code}|")) for code in "ZQF"])
    assert found.unmapped == {("sex", "Patient.gender"): 2}


def test_the_share_that_is_decided(plan: Plan, send: Send) -> None:
    found = counted(plan, [send("PID|1||4711||Doe", "ZPD|a")])
    left = found.share("undecided")
    assert round(found.decided + left, 6) == 100
    assert found.paths["ZPD-1"].undecided == 1


def test_names_that_r4_does_not_have_are_not_shown(plan: Plan) -> None:
    resource = {"resourceType": "Patient", "id": "1", "Ann Doe": "x", "_birthDate": {"id": "b"}}
    found = [value.path for value in values(plan, Given("one", resource))]
    assert found == ["Patient.(unknown)", "Patient.birthDate"]
    assert [v.path for v in values(plan, Given("one", {"resourceType": "Doe", "a": 1}))] == [
        "(unknown)"
    ]
