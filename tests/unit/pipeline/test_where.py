from dataclasses import replace

import pytest

from engine.pipeline.ledger import Account
from engine.pipeline.where import WhereError, moment_us, read_where

DAY_US = 24 * 3600 * 1_000_000
NOVEMBER_US = 1_793_491_200_000_000  # 2026-11-01
ACCOUNT = Account(
    position=7,
    state="written",
    channel="mercy-hl7",
    site="mercy",
    control_id="A 1",
    kind="ORU^R01",
    lane="",
    received_us=NOVEMBER_US,
    processed_us=NOVEMBER_US,
    plan="aa",
)


def means(text: str, account: Account = ACCOUNT) -> bool:
    return read_where(text).means({"mercy": "bb", "lakeside": "aa"})(account)


@pytest.mark.parametrize(
    "text",
    [
        "site=mercy",
        "site = mercy and type = ORU^R01 and since=2026-11-01",
        "type=ORU^*",
        "type!=ADT^*",
        "state=written and code!=x-y",
        "plan != current",
        "plan=aa",
        'control_id="A 1"',
        "control_id='A 1' AND position=7",
        "since=2026-11-01T00:00:00Z and until=2026-11-02",
        "since=2026-10-31T18:00:00-06:00",
        "channel=mercy-hl7",
    ],
)
def test_what_is_meant(text: str) -> None:
    assert means(text)


@pytest.mark.parametrize(
    "text",
    [
        "site=lakeside",
        "type=ORU",
        "until=2026-11-01",
        "since=2026-11-01T00:00:01",
        "quarantined",
        "plan=current",
        "site=mercy and position=8",
    ],
)
def test_what_is_not_meant(text: str) -> None:
    assert not means(text)


def test_quarantined_is_a_word_of_its_own() -> None:
    quarantined = replace(ACCOUNT, state="quarantined", code="r4-required")
    assert means("quarantined and code=r4-*", quarantined)


def test_sites_that_may_be_meant() -> None:
    known = ["mercy", "lakeside", "hilltop"]
    assert read_where("site=mercy and quarantined").sites(known) == ["mercy"]
    assert read_where("site!=mercy").sites(known) == ["lakeside", "hilltop"]
    assert read_where("quarantined").sites(known) == known


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "expected a term"),
        ("site", 1, "expected a term"),
        ("sit=mercy", 1, "did you mean 'site'"),
        ("site=mercy or type=x", 12, "expected 'and'"),
        ("site=mercy and", 12, "expected 'and'"),
        ("site=mercy and colour=red", 16, "unknown name 'colour'"),
        ("since=yesterday", 7, "this is no time"),
        ("since!=2026-11-01", 8, "takes '='"),
        ("state=writen", 7, "did you mean 'written'"),
        ("position=x", 10, "a number"),
    ],
)
def test_mistakes_have_a_place(text: str, column: int, words: str) -> None:
    with pytest.raises(WhereError) as caught:
        read_where(text)
    assert caught.value.problem.place.column == column
    assert words in caught.value.problem.frame()


def test_moments() -> None:
    assert moment_us("2026-11-01") == NOVEMBER_US
    assert moment_us("2026-11-01T00:00:00.000001") == NOVEMBER_US + 1
    assert moment_us("2026-11") is None
