"""Tests of mappings: what is shown of a value reads back as that value, and accepting settles."""

import string

from hypothesis import given
from hypothesis import strategies as st

from engine.core import strict_yaml
from engine.core.values import Contribution
from engine.mapping.node import documents
from engine.mapping.problem import Problems
from engine.mapping.testing import written
from engine.mapping.testing.compare import agrees

WORDS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    st.sampled_from(
        [
            "absent",
            "=absent",
            "none",
            "true",
            "1e3",
            "2026-01-01",
            "a: b",
            "# c",
            "~",
            "a\u2028b",
            "\ufeff",
            "\x85",
            "\n",
        ]
    ),
)
PRIMITIVES = st.one_of(WORDS, st.booleans(), st.integers(-999, 999))
NAMES = st.text(string.ascii_letters, min_size=1, max_size=6).filter(lambda name: name != "ref")
OBJECTS = st.dictionaries(
    NAMES, st.one_of(PRIMITIVES, st.lists(PRIMITIVES, min_size=2)), min_size=1
)
VALUES = st.lists(st.one_of(PRIMITIVES, OBJECTS), max_size=3)
NOBODY: tuple[Contribution, ...] = ()


@given(VALUES)
def test_what_is_shown_is_what_agrees(values: list[object]) -> None:
    (root,) = documents("one.test.yaml", f"a: {written.values(values)}\n", Problems())
    wanted = root.get("a")  # type: ignore[union-attr]
    assert wanted is not None
    assert agrees(wanted, values, NOBODY)


@given(VALUES, VALUES)
def test_other_values_do_not_agree(values: list[object], others: list[object]) -> None:
    (root,) = documents("one.test.yaml", f"a: {written.values(values)}\n", Problems())
    wanted = root.get("a")  # type: ignore[union-attr]
    assert wanted is not None
    if len(values) != len(others):
        assert not agrees(wanted, others, NOBODY)


LAYOUTS = st.lists(st.tuples(NAMES, WORDS), min_size=1, max_size=5, unique_by=lambda pair: pair[0])


@given(LAYOUTS, st.sampled_from(["", "  # why", "\n# between"]), st.booleans())
def test_stretches_are_those_of_the_values(
    pairs: list[tuple[str, str]], after: str, listed: bool
) -> None:
    lead = "- " if listed else ""
    lines = [f"{lead}{name}: {written.scalar(word)}{after}" for name, word in pairs]
    text = "\n".join(lines) + "\n"
    stretches = strict_yaml.stretches(text)
    (root,) = strict_yaml.read_many(text, "a.yaml").roots
    items = root.items if isinstance(root, strict_yaml.Items) else [root]
    entries = [entry for item in items for entry in getattr(item, "entries", ())]
    assert len(entries) == len(pairs)
    for entry, (_, word) in zip(entries, pairs, strict=True):
        start, end = stretches[entry.value.place.line, entry.value.place.column]
        assert text[start:end] == written.scalar(word)
