"""Whatever is written, and however: laid out it says the same, comments included, and stays so."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import strict_yaml
from engine.core.tidy_yaml import tidied

words = st.sampled_from(
    ["a", "PID-5", "NO", "0123", "", "it's", 'say "x"', "a: b", "# c", "x" * 70]
)
texts = words | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=9)
trees = st.recursive(
    texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, Any]:
    """A document in some writer's layout, with comments put on lines of their own and behind."""
    tree = {"root": draw(trees)}
    layout: dict[str, Any] = {
        "default_flow_style": draw(st.sampled_from([True, False, None])),
        "indent": draw(st.integers(2, 6)),
        "width": draw(st.sampled_from([30, 80, 300])),
        "allow_unicode": True,
    }
    text = yaml.safe_dump(tree, **layout)
    if layout["default_flow_style"] is False and layout["width"] == 300 and "|" not in text:
        noted = (
            line + draw(st.sampled_from(["", "", "  # note"])) if line.endswith(":") else line
            for line in text.splitlines()
        )
        text = "\n".join(noted) + "\n"
    return text, tree


def said(text: str) -> list[Any]:
    found = strict_yaml.read_many(text, "x")
    assert found.problems == ()
    return [strict_yaml.plain(root) for root in found.roots]


@settings(max_examples=300)
@given(written())
def test_the_same_is_said(example: tuple[str, Any]) -> None:
    text, _ = example
    found = tidied(text)
    assert said(found) == said(text)
    assert found.count("# note") == text.count("# note")
    assert tidied(found) == found
