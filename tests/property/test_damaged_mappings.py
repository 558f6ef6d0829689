"""Damage to any line of any mapping file: an answer near the damage, and nothing that hangs."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.collector import at_rest
from engine.mapping.examination import Examination, distinct
from engine.mapping.library import Library, read_library
from engine.mapping.problem import Problem

LIBRARY = read_library(Path(__file__).parents[2] / "mappings")
TEXTS = LIBRARY.texts()
WHOLE = Examination(LIBRARY)
KINDS = ("delete", "swap", "cut", "quote", "bracket", "indent", "dedent", "colon", "blank")
LONGEST_S = 60  # of CPU: an examination takes a fraction of a second
SHALLOW = ("base", "us")
NEAR = 3  # lines
ELSEWHERE = {"E222", "E224", "E252"}  # what nothing makes or names any more is missed where used


def chain_of(path: str) -> tuple[str, ...]:
    """Return a chain that holds the file's layer."""
    parts = path.split("/")
    if parts[0] == "vendor":
        return (*SHALLOW, "/".join(parts[:2]))
    if parts[0] == "site":
        return (*SHALLOW, "vendor/ecw", "/".join(parts[:2]))
    return SHALLOW


def without(text: str, marks: str, nth: int) -> str:
    places = [place for place, char in enumerate(text) if char in marks]
    if not places:
        return text
    gone = places[nth % len(places)]
    return text[:gone] + text[gone + 1 :]


def damaged(text: str, kind: str, nth: int) -> str:
    """Damage a text in one place."""
    lines = text.split("\n")
    at = nth % len(lines)
    if kind == "cut":
        return text[: nth % (len(text) + 1)]
    if kind in {"quote", "bracket", "colon"}:
        return without(text, {"quote": "'\"", "bracket": "[]{}()", "colon": ":"}[kind], nth)
    if kind == "delete":
        del lines[at]
    elif kind == "swap":
        other = (at * 7 + 3) % len(lines)
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "indent":
        lines[at] = " " * (1 + nth % 4) + lines[at]
    elif kind == "dedent":
        lines[at] = lines[at].lstrip()
    else:
        lines[at] = ""
    return "\n".join(lines)


@contextmanager
def bounded() -> Iterator[None]:
    """Fail instead of hanging."""

    def late(_: int, frame: FrameType | None) -> None:
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "nowhere"
        pytest.fail(f"still busy after {LONGEST_S} s of CPU, at {where}")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def found(path: str, text: str) -> list[Problem]:
    files = tuple((name, text if name == path else old) for name, old in LIBRARY.files)
    with at_rest(), bounded():
        return distinct(Examination(Library(files), WHOLE).problems(chain_of(path)))


@pytest.mark.parametrize("layer", ["base", "us", "vendor/ecw", "site/hilltop"])
def test_what_is_whole_has_no_problems(layer: str) -> None:
    path = next(name for name in TEXTS if name.startswith(f"{layer}/"))
    assert found(path, TEXTS[path]) == []


@settings(max_examples=25, deadline=None)
@given(path=st.sampled_from(sorted(TEXTS)), kind=st.sampled_from(KINDS), nth=st.integers(0, 20_000))
@example(path="vendor/ecw/overlay.yaml", kind="indent", nth=30)
@example(path="base/messages/PPR_PC1.yaml", kind="indent", nth=6)
@example(path="base/segments/PID-Patient.yaml", kind="quote", nth=5)
def test_damage_is_answered_where_it_was_done(path: str, kind: str, nth: int) -> None:
    text = damaged(TEXTS[path], kind, nth)
    problems = found(path, text)
    before, after = TEXTS[path].split("\n"), text.split("\n")
    same = [one for one in zip(before, after, strict=False) if one[0] == one[1]]
    assert len(problems) <= len(before) - len(same) + NEAR
    away = [one for one in problems if one.place.file != path and one.code not in ELSEWHERE]
    assert not away or kind in {"delete", "cut", "swap", "blank", "colon", "quote"}
    assert all("\n" not in one.message and one.frame() for one in problems)


@pytest.mark.parametrize("mark", ["'", '"', "[", "{"])
@pytest.mark.parametrize("line", [12, 20, 30])
def test_what_is_opened_and_not_closed_is_shown_there(mark: str, line: int) -> None:
    path = "base/segments/PID-Patient.yaml"
    lines = TEXTS[path].split("\n")
    key, _, value = lines[line].partition(": ")
    lines[line] = f"{key}: {mark}{value}"
    problems = found(path, "\n".join(lines))
    here = [one.place.line for one in problems if one.place.file == path]
    assert any(abs(place - line - 1) <= 1 for place in here), (lines[line], problems)
    assert len(problems) <= NEAR
