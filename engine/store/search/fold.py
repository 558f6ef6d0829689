"""Text as string search compares it: without case, diacritics and runs of spaces.

R4, search.html#string: "case- and accent-insensitive".
"""

import unicodedata

MOST = 200
"""Characters of a string that are searched; longer ones are cut."""

EDGE = "\x1f"
"""Stands between the two parts of an index value; it is dropped from what is indexed."""


def fold(text: str) -> str:
    """Return the comparable form of a text."""
    plain = " ".join(text[:MOST].replace(EDGE, " ").split())
    if plain.isascii():
        return plain.lower()
    split = unicodedata.normalize("NFKD", plain)
    return "".join(sign for sign in split if not unicodedata.combining(sign)).casefold()


def string_value(text: str) -> str:
    """Return the index value of a string: what is compared, then the text for `:exact`."""
    return fold(text) + EDGE + text[:MOST].replace(EDGE, " ")


def token_value(code: str, system: str) -> str:
    """Return the index value of a code with a system, which may be empty."""
    return code.replace(EDGE, " ") + EDGE + system.replace(EDGE, " ")
