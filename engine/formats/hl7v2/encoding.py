"""Delimiters and escape sequences of one HL7 v2 message, and the character set it names.

Follows HL7 v2.9.1 chapter 2: message delimiters, 2.6 (escape sequences), MSH-18 with table 0211.
Knows nothing of segments beyond the first characters of the header.

A delimiter that the sender did not declare is NUL. No accepted message contains NUL, so splitting
by it never splits, and no reader needs a special case.
"""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from engine.core.fault import Category, refuse
from engine.formats.hl7v2.charset import charset_of

__all__ = ["STANDARD", "Delimiters", "charset_of", "escape", "read_delimiters", "unescape"]

UNDECLARED = "\x00"
_LEGAL = frozenset(string.punctuation) - {'"'}  # `""` is the null value, so `"` cannot separate


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What separates the parts of a message; `truncation` is empty before v2.7."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str = ""

    @property
    def characters(self) -> str:
        """MSH-2 as a sender with these delimiters writes it."""
        text = self.component + self.repetition + self.escape + self.subcomponent + self.truncation
        return text.replace(UNDECLARED, "")


STANDARD = Delimiters("|", "^", "~", "\\", "&", "")
_USUAL = {
    "|^~\\&": STANDARD,
    "|^~\\&#": Delimiters("|", "^", "~", "\\", "&", "#"),  # v2.7 and later
}


def read_delimiters(text: str) -> Delimiters:
    """Read MSH-1 and MSH-2 from the start of a message; FaultError when they cannot be used.

    One to five characters are accepted in the order of MSH-2: senders leave out what they do not
    use. A doubled escape character in five is read as one: it is what quoting in source code leaves
    behind, and an escape that is also the sub-component separator cannot be meant.
    """
    if text[3:9] == "|^~\\&|":
        return STANDARD
    separator = text[3:4]
    characters = re.split(r"[\r\n]", text[4:12].partition(separator or "|")[0], maxsplit=1)[0]
    declared = separator + characters
    usual = _USUAL.get(declared)
    if usual is not None:
        return usual
    if len(characters) == 5 and characters[2] == characters[3]:
        characters = characters[:3] + characters[4]
        declared = separator + characters
    if not _usable(declared):
        raise refuse(
            Category.INVALID,
            "bad-delimiters",
            "MSH-1 and MSH-2 must be distinct punctuation characters",
            "MSH-2",
        )
    return Delimiters(separator, *list(characters.ljust(4, UNDECLARED)))


def _usable(declared: str) -> bool:
    return (
        2 <= len(declared) <= 6
        and len(set(declared)) == len(declared)
        and _LEGAL.issuperset(declared)
    )


# Escape sequences (2.6). What cannot be presented is dropped (highlighting, indentation); what is
# not known stays as it came: \Zdd..\ is private, \C..\ and \M..\ switch character sets.

_BREAKS = frozenset({"br", "sp", "ce"})  # end the output line
_SILENT = frozenset({"in", "ti", "fi", "nf"})  # indentation and word wrap
_WHITE = frozenset("\t\n\r")
_KNOWN = r"([FSTREPHN]|X(?:[0-9A-Fa-f]{2})+|\.(?i:br|sp|ce|in|ti|fi|nf|sk)[ +-]?[0-9]{0,4})"


def unescape(text: str, delimiters: Delimiters, charset: str = "utf-8") -> str:
    r"""Replace the escape sequences of a value once; `charset` reads the bytes of `\Xdd..\`.

    Call it on a single part, after splitting: what comes out may contain delimiters.
    """
    if delimiters.escape not in text:
        return text
    return _unescaper(delimiters, charset)(text)


@lru_cache(maxsize=64)
def _unescaper(delimiters: Delimiters, charset: str) -> Callable[[str], str]:
    quoted = re.escape(delimiters.escape)
    fixed = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation or "#",
        "H": "",
        "N": "",
    }

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code in fixed:
            known = fixed[code]
            return match[0] if known == UNDECLARED else known
        if code[0] == "X":
            return _from_hexadecimal(code[1:], charset, match[0])
        return _formatted(code[1:3].lower())

    pattern = re.compile(quoted + _KNOWN + quoted)
    return lambda text: pattern.sub(replace, text)


def _from_hexadecimal(digits: str, charset: str, otherwise: str) -> str:
    """Bytes that are no text in the message's character set stay as they were sent."""
    try:
        text = bytes.fromhex(digits).decode(charset)
    except UnicodeDecodeError:
        return otherwise
    return text if all(c.isprintable() or c in _WHITE for c in text) else otherwise


def _formatted(command: str) -> str:
    if command in _BREAKS:
        return "\n"
    return "" if command in _SILENT else " "


def escape(text: str, delimiters: Delimiters) -> str:
    r"""Write a value so that `unescape` gives it back; line ends become `\X0D\` and `\X0A\`."""
    return text.translate(_escapes(delimiters))


@lru_cache(maxsize=64)
def _escapes(delimiters: Delimiters) -> dict[int, str]:
    mark = delimiters.escape
    if mark == UNDECLARED:  # nothing can be escaped, so delimiters and line ends become spaces
        mark = ""
    codes = {
        delimiters.field: "F",
        delimiters.component: "S",
        delimiters.repetition: "R",
        delimiters.escape: "E",
        delimiters.subcomponent: "T",
        delimiters.truncation: "P",
        "\r": "X0D",
        "\n": "X0A",
    }
    return {
        ord(character): f"{mark}{code}{mark}" if mark else " "
        for character, code in codes.items()
        if character not in {"", UNDECLARED}
    }
