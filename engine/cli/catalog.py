"""Every code a person can meet, with its cause and what to do, part by part.

The codes of files that people write (E...) are told beside their checks; those of a running region
are in `data/codes.toml`. Knows nothing of where a code arises: a test compares them with the tree.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from engine.mapping import codes as mapping
from engine.settings import codes as settings

Codes = Mapping[str, tuple[str, str]]  # code -> cause, what to do


@cache
def catalog() -> Mapping[str, Codes]:
    """Return the codes by the part they belong to."""
    text = (files("engine.cli") / "data" / "codes.toml").read_text("utf-8")
    running = {
        part: {code: (cause, cure) for code, (cause, cure) in codes.items()}
        for part, codes in tomllib.loads(text).items()
    }
    return {
        "Region files": settings.CODES,
        "Mapping files": mapping.CODES,
        **running,
    }


def known() -> Codes:
    """Return all codes of all parts."""
    return {code: told for codes in catalog().values() for code, told in codes.items()}
