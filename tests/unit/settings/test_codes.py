"""Every code that can be shown is explained, and nothing else is."""

import re
from pathlib import Path

from engine.core import strict_yaml
from engine.settings import load
from engine.settings.codes import CODES


def test_codes_in_the_source_are_explained() -> None:
    files = [Path(strict_yaml.__file__), *Path(load.__file__).parent.glob("*.py")]
    texts = [path.read_text("utf-8") for path in files if path.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r'"(E\d{3})"', text)}
    assert used == set(CODES)


def test_an_explanation_is_two_sentences_or_more() -> None:
    for cause, cure in CODES.values():
        assert cause.endswith(".")
        assert cure.endswith(".")
