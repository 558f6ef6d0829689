"""Units as senders write them -> codes of UCUM, or nothing.

A unit gets a code by the table `units` of the chain (`MG/DL`, `K/uL`), or because it is a code of
UCUM as written: any, where the sender says that it is UCUM; where he does not, one that nobody in a
hospital writes for something else (`G` is not gauss there, nor `ft` a femtotonne). What the table
does not have as a whole is put together of its parts: `MCG/KG/HR` of `mcg`, `kg` and `hr`. The text
as sent is the business of whoever calls.
"""

import re

from engine.formats.ucum.parse import Unit, units_of
from engine.mapping.datatypes.coded import Systems
from engine.mapping.datatypes.tools import Tools, memo

UCUM = "http://unitsofmeasure.org"
_PREFIXES = frozenset(["", "k", "d", "c", "m", "u", "n", "p", "f"])
# Bracketed units are meant, too: nobody writes `[iU]` by accident.
_ATOMS = frozenset(
    [
        *("%", "10*", "10^", "g", "L", "l", "mol", "m", "s", "min", "h", "d", "wk", "mo", "U"),
        *("eq", "osm", "kat", "Cel", "Pa", "cal", "J", "W", "Hz", "Bq", "Gy", "Sv", "deg"),
        *("m[Hg]", "m[H2O]"),
    ]
)
_SAME = str.maketrans(
    {"\u00b5": "u", "\u03bc": "u", "\u00b2": "2", "\u00b3": "3", "\u00d7": "x", " ": None}
)
_SIGNED = re.compile(r"[^*^][+-]\d")
_BETWEEN = "\n"  # in no unit and no name of a system


class Units:
    """The units of one site."""

    __slots__ = ("_read", "_systems", "_table")

    def __init__(self, tools: Tools) -> None:
        self._table = tools.tables.get("units")
        self._systems = Systems(tools)
        self._read = memo(self._found)

    def code(self, text: str, system: str = "") -> str:
        """Return the code of UCUM, or nothing; `system` is what the sender says it is a code of."""
        return self._read(f"{text}{_BETWEEN}{system}") if text else ""

    def _found(self, both: str) -> str:
        text, _, system = both.partition(_BETWEEN)
        written = text.translate(_SAME)
        row = self._row(text) or self._row(written)
        if row:
            return row
        if system and self._systems.uri(system) == UCUM and units_of(text) is not None:
            return text
        if _is_meant(written):
            return written
        whole = "/".join(self._row(piece) or piece for piece in written.split("/"))
        return whole if _is_meant(whole) else ""

    def _row(self, text: str) -> str:
        found = self._table.find("", text) if self._table is not None else None
        return found.code if found is not None else ""


def _is_meant(text: str) -> bool:
    """Whether a text is a code and hardly anything else.

    A number alone (`100`) is a unit by its form only, and `g/l-1` is g.l to UCUM alone.
    """
    units = units_of(text)
    if units is None or not (units or "{" in text or text == "1"):
        return False
    return all(_is_usual(unit) for unit in units) and not _SIGNED.search(text)


def _is_usual(unit: Unit) -> bool:
    return unit.atom[0] == "[" or (unit.atom in _ATOMS and unit.prefix in _PREFIXES)
