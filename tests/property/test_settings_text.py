"""Whatever is written into a region file: a region or problems with a place, never a traceback."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.mllp.inbound import SPEC
from engine.core import strict_yaml
from engine.core.problem import Problem
from engine.plugin.spec import Registry
from engine.settings.load import SettingsErrors, read_region

REGISTRY = Registry().with_spec(SPEC)
GOOD = """\
region: north
sites:
  mercy: {ehr: epic, timezone: America/Chicago, mappings: [base]}
channels:
  adt: {type: mllp, site: mercy, direction: in, port: 2575}
api: {port: 8080, token: {env: TOKEN}}
storage: {region_key: {file: key}}
identity: {trust: {mercy: 90}}
"""
TOKENS = [*"{}[]:,-'#|0a~", '"', "&a ", "*a ", "!t ", "sites", "mercy", "port: ", "-1", "1e9"]
TOKENS += ["\n", "  ", "- ", ": ", "\t", "\x00", "\ufeff", "\x85", "token: x", "{env: A}"]
texts = st.lists(st.sampled_from(TOKENS), max_size=40).map("".join) | st.text(max_size=60)
words = st.sampled_from([*TOKENS, "", "mercy: 1", "[base, base]"])


def problems(text: str) -> tuple[Problem, ...]:
    """Return what is wrong: always something, since there is no folder of mappings here."""
    with pytest.raises(SettingsErrors) as caught:
        read_region(text, Path("/nowhere/region.yaml"), REGISTRY)
    assert caught.value.frames()
    return caught.value.problems


def check_places(text: str) -> None:
    lines = text.count("\n") + text.count("\x85") + 2
    for problem in problems(text):
        assert 1 <= problem.place.line <= lines
        assert problem.place.column >= 1
        assert problem.place.width >= 1


@settings(max_examples=200)
@given(texts)
def test_any_text_is_read_or_refused(text: str) -> None:
    document = strict_yaml.read(text, "region.yaml")
    assert document.root is None or strict_yaml.plain(document.root) is not None
    check_places(text)


@settings(max_examples=200)
@given(st.integers(0, len(GOOD)), st.integers(0, 12), words)
def test_a_good_file_with_one_place_overwritten(at: int, length: int, word: str) -> None:
    check_places(GOOD[:at] + word + GOOD[at + length :])


@given(st.text(min_size=1, max_size=30))
def test_what_is_quoted_comes_back(text: str) -> None:
    printable = "".join(char for char in text if char.isprintable()) or "x"
    quoted = "'" + printable.replace("'", "''") + "'"
    root = strict_yaml.read(f"key: {quoted}\n", "f.yaml").root
    assert isinstance(root, strict_yaml.Table)
    assert strict_yaml.plain(root) == {"key": printable}
