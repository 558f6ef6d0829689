"""Types guessed from values: HL7 datatypes of Z fields, types of columns. Keeps no value."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.formats.delimited.cell import CellError, cell

_TIME = re.compile(r"(19|20)\d{6}(\d{2}|\d{4}|\d{6}(\.\d{1,4})?)?([+-]\d{4})?")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d+)?")
_CODES = 12  # different values at most that a column of codes has in a sample
_FEW = 0.5  # of the rows
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%d", "%d.%m.%Y", "%m-%d-%Y")
_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_FORMS = (
    *(("date", form) for form in _DATES),
    *(("datetime", f"{form}{gap}{clock}") for form in _DATES for gap in " T" for clock in _CLOCKS),
    *((kind, "") for kind in ("email", "zip", "phone", "decimal")),
)
_HEADS = {"zip": ("zip", "postal"), "phone": ("phone", "tel", "mobile", "cell", "fax")}


@dataclass(slots=True)
class DatatypeGuess:
    """The datatype of a field that no standard describes; text until something better fits."""

    values: int = 0
    times: bool = True
    numbers: bool = True
    flags: bool = True
    components: int = 1
    repeats: bool = False

    def add(self, raw: str) -> None:
        """Look at one value, in standard delimiters."""
        items = raw.split("~")
        self.repeats = self.repeats or len(items) > 1
        for item in items:
            self.values += 1
            self.components = max(self.components, item.count("^") + 1)
            self.times = self.times and bool(_TIME.fullmatch(item))
            self.numbers = self.numbers and bool(_NUMBER.fullmatch(item))
            self.flags = self.flags and item in {"Y", "N"}

    @property
    def datatype(self) -> str:
        """Return the datatype as `segments:` writes it, with `*` where it repeats."""
        return self._plain() + ("*" if self.repeats else "")

    def _plain(self) -> str:
        if self.components > 1:
            return "CWE"
        if self.times:
            return "DTM"
        if self.flags:
            return "ID"
        return "NM" if self.numbers else "ST"


@dataclass(slots=True)
class ColumnGuess:
    """The type of a column. `digests` tell values apart without keeping them."""

    header: str
    rows: int = 0
    filled: int = 0
    longest: int = 0
    digits: bool = True
    digests: set[int] = field(default_factory=set)
    _fits: dict[tuple[str, str], Callable[[str], str]] = field(
        default_factory=lambda: {form: cell(*form) for form in _FORMS}
    )

    def add(self, value: str) -> None:
        """Look at one cell."""
        text = value.strip()
        self.rows += 1
        if not text:
            return
        self.filled += 1
        self.longest = max(self.longest, len(text))
        self.digits = self.digits and text.isdigit()
        self.digests.add(hash(text))
        for form in [form for form, read in self._fits.items() if not _accepts(read, text)]:
            del self._fits[form]

    @property
    def unique(self) -> bool:
        """Whether each row has a value of its own."""
        return self.filled == self.rows == len(self.digests) > 0

    def kinds(self) -> list[str]:
        """Return the types that fit, as `columns:` writes them, the likeliest first."""
        if not self.filled:
            return ["str"]
        head = self.header.casefold()
        found = [
            f"{kind}({form})" if form else kind
            for kind, form in self._fits
            if kind in {"date", "datetime", "email"} or _named(kind, head)
        ]
        if "decimal" in {kind for kind, _ in self._fits} and not self.digits:
            found.append("decimal")
        few = len(self.digests) <= _CODES and len(self.digests) <= max(1, self.filled * _FEW)
        return [*found, "code" if few and self.longest <= 20 else "str"]


def _named(kind: str, head: str) -> bool:
    return any(word in head for word in _HEADS.get(kind, ()))


def _accepts(read: Callable[[str], str], text: str) -> bool:
    try:
        read(text)
    except CellError:
        return False
    return True
