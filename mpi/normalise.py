"""One spelling for what people type in many: letters, numbers, dates, contact details.

Every function is pure and total: text in, normal form out, `""` for what cannot be used. Knows
nothing of FHIR, of names' meaning or of scoring. A placeholder (a number typed because a form asked
for one) is not usable either; `mpi.person` notes that there was one.

SSN structure: Social Security Administration, "Social Security Number Randomization": area 000,
group 00 and serial 0000 are never issued. Area 666 and 9xx are not issued either, but synthetic
test populations live there, so they are kept.
"""

import re
import unicodedata
from functools import lru_cache


def vocabulary(words: str) -> frozenset[str]:
    """A set of words from one text, blank between them."""
    return frozenset(words.split())


_REMEMBERED = 8192  # words: names come again and again

_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "SS",
        "Æ": "AE",
        "æ": "ae",
        "Ø": "O",
        "ø": "o",
        "Œ": "OE",
        "œ": "oe",
        "Ł": "L",
        "ł": "l",
        "Đ": "D",
        "đ": "d",
        "Þ": "TH",
        "þ": "th",
        "\u0131": "i",
    }
)
_APOSTROPHES = re.compile(r"['`\u00b4\u2018\u2019\u02bc.]")
_NOT_WORD = re.compile(r"[^A-Z0-9]+")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_EXTENSION = re.compile(r"(?i)\s*(?:x|ext\.?|extension)\s*[0-9]+\s*$")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?(?:T.*)?$")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+$")

# Numbers printed on sample cards or typed along the keyboard.
_FALSE_SSN = frozenset({"123456789", "987654321", "078051120", "219099999", "012345678"})
_FALSE_PHONE = frozenset({"1234567890", "0123456789", "9876543210", "5551234567", "5555551234"})
_FALSE_BIRTH = frozenset(
    {"1900-01-01", "1901-01-01", "1899-12-30", "1899-12-31", "1800-01-01", "1111-11-11"}
)
_FALSE_MAILBOX = vocabulary(
    "none noemail nomail no unknown na test declined decline declines refused notgiven "
    "nothing patient noreply donotreply donthave doesnothave noneprovided"
)


def fold(text: str) -> str:
    """Upper case, without accents and apostrophes: `Núñez-O'Brien` becomes `NUNEZ-OBRIEN`."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        text = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _APOSTROPHES.sub("", text).upper()


@lru_cache(maxsize=_REMEMBERED)
def tokens(text: str) -> tuple[str, ...]:
    """The folded words of a text, in order; letters of other scripts are kept."""
    folded = fold(text)
    if folded.isascii():
        return tuple(_NOT_WORD.sub(" ", folded).split())
    return tuple(re.sub(r"[^\w]+", " ", folded).split())


def digits(text: str) -> str:
    """Only the ASCII digits of a text."""
    return _NOT_DIGIT.sub("", text)


@lru_cache(maxsize=_REMEMBERED // 4)
def phone(text: str) -> str:
    """Ten digits of a North American number, or `""` (E.164 without `+1`; no extension)."""
    number = digits(_EXTENSION.sub("", text))
    if len(number) == 11 and number[0] == "1":
        number = number[1:]
    if len(number) != 10 or number[0] in "01" or number in _FALSE_PHONE:
        return ""
    same_line = len(set(number[3:])) == 1
    return "" if same_line or len(set(number)) == 1 else number


def email(text: str) -> str:
    """Lower-case address, or `""` when it is none or says that there is none."""
    address = text.strip().lower().removeprefix("mailto:")
    if not _EMAIL.match(address):
        return ""
    mailbox = address.partition("@")[0].replace(".", "").replace("_", "").replace("-", "")
    return "" if mailbox in _FALSE_MAILBOX else address


def ssn(text: str) -> tuple[str, str]:
    """Nine digits and the last four; the nine are `""` when masked, both when unusable."""
    number = digits(text)
    if len(number) == 4:
        return "", "" if number == "0000" else number
    if len(number) == 8:  # a spreadsheet took the leading zero
        number = "0" + number
    if len(number) != 9 or number in _FALSE_SSN or len(set(number)) == 1:
        return "", ""
    if number[:3] == "000" or number[3:5] == "00" or number[5:] == "0000":
        return "", ""
    return number, number[5:]


def birth_date(text: str) -> str:
    """FHIR date (`1993`, `1993-11`, `1993-11-02`), or `""` for none, nonsense or a placeholder.

    An impossible month or day is dropped and the rest kept.
    """
    found = _DATE.match(text.strip())
    if not found or not "1880" <= found[1] <= "2199":
        return ""
    year, month, day = found.groups()
    if month is None or not "01" <= month <= "12":
        return year
    if day is None or not "01" <= day <= "31":
        return f"{year}-{month}"
    whole = f"{year}-{month}-{day}"
    return "" if whole in _FALSE_BIRTH else whole


def postal_code(text: str) -> str:
    """Five digits of a ZIP code; a leading zero lost on the way is put back."""
    number = digits(text)
    if len(number) in {4, 8}:
        number = "0" + number
    if len(number) not in {5, 9}:
        return ""
    return "" if number[:5] in {"00000", "99999"} else number[:5]
