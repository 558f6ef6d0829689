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
    assert body["issue"][0]["expression"] == ["http._count"]
    assert ("retry-after" in response.headers) == (response.status_code == 503)


def test_what_may_be_tried_again_says_so_and_what_is_ours_is_500() -> None:
    assert refusal(Fault(Category.BUSY, "a", "b")).status_code == 503
    assert refusal(Fault(Category.BUG, "a", "b")).status_code == 500
    assert refusal(Fault(Category.NOT_FOUND, "a", "b"), 410).status_code == 410
