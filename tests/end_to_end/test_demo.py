"""The demo is the acceptance test: the same day with and without kills ends in the same store."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def played(seed: int, messages: int, *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "engine.cli", "demo", "--headless", "--json"]
    command += ["--seed", str(seed), "--messages", str(messages), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    score: dict[str, Any] = json.loads(done.stdout)
    return score


def assert_sound(score: dict[str, Any]) -> None:
    sent, states = score["sent"], score["states"]
    assert sent["sent"] == sent["acked"] + sent["rejected"] + sent["unanswered"]
    assert sent["acked"] == sum(states.values()) + score["pending"]
    assert score["lost"] == score["doubled"] == score["pending"] == sent["unanswered"] == 0
    assert score["wrongly_answered"] == 0
    assert states.get("quarantined", 0) == 0
    assert score["matching"]["wrong_pairs"] == 0
    assert sent["rows"] > 0  # all three kinds of channels took part
    assert sent["posts"] > 0


def assert_same_store(seed: int, messages: int) -> None:
    calm, killed = played(seed, messages), played(seed, messages, "--crash")
    assert_sound(calm)
    assert_sound(killed)
    assert len(killed["kills"]) >= 6
    assert calm["people"] == killed["people"]
    assert calm["content"] == killed["content"]


def test_a_day_with_kills_ends_like_a_calm_one() -> None:
    assert_same_store(7, 300)


@pytest.mark.usefixtures("postgres_uri")  # skips where no server can start
def test_a_day_on_postgresql_with_kills_ends_like_one_on_sqlite() -> None:
    calm = played(8, 200)
    killed = played(8, 200, "--crash", "--store", "postgresql")
    assert_sound(killed)
    assert (calm["people"], calm["content"]) == (killed["people"], killed["content"])


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 6))
def test_five_days_with_kills_end_like_calm_ones(seed: int) -> None:
    assert_same_store(seed, 2000)
