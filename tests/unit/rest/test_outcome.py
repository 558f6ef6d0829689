import orjson
import pytest

from engine.core.fault import Category, Fault
from engine.r4.validate import validate
from engine.rest.outcome import refusal


@pytest.mark.parametrize("category", list(Category))
def test_every_category_has_a_status_and_a_valid_outcome(category: Category) -> None:
    response = refusal(Fault(category, "some-code", "some words", "_count"))
    assert 400 <= response.status_code <= 503
    body = orjson.loads(response.body)
    assert validate(body) == []
    assert body["issue"][0]["location"] == ["http._count"]
    assert ("retry-after" in response.headers) == (response.status_code == 503)


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("Patient.name[0].family", {"expression": ["Patient.name[0].family"]}),
        ("Bundle.entry[12]", {"expression": ["Bundle.entry[12]"]}),
        ("Patient", {"expression": ["Patient"]}),
        ("family:exact", {"location": ["http.family:exact"]}),
        ("shoe-size", {"location": ["http.shoe-size"]}),
        ("byte 12", {"diagnostics": "byte 12"}),
        ("Patient.?", {"diagnostics": "Patient.?"}),
        ("", {}),
    ],
)
def test_a_place_is_where_r4_has_it(where: str, shown: dict[str, object]) -> None:
    body = orjson.loads(refusal(Fault(Category.INVALID, "some-code", "words", where)).body)
    assert validate(body) == []
    (issue,) = body["issue"]
    assert {name: issue[name] for name in issue.keys() - {"severity", "code", "details"}} == shown


def test_what_may_be_tried_again_says_so_and_what_is_ours_is_500() -> None:
    assert refusal(Fault(Category.BUSY, "a", "b")).status_code == 503
    assert refusal(Fault(Category.BUG, "a", "b")).status_code == 500
    assert refusal(Fault(Category.NOT_FOUND, "a", "b"), 410).status_code == 410
