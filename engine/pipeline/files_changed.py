"""Which mapping files two activations differ in, and by how many lines that say something."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from engine.mapping.library import Library


@dataclass(frozen=True, slots=True)
class FileChanged:
    """A file that came, went or changed; lines that moved count as neither."""

    path: str
    added: int
    removed: int


def files_changed(
    before: Mapping[str, Library], after: Mapping[str, Library]
) -> tuple[FileChanged, ...]:
    """Compare the files of all sites' chains. Comments and empty lines do not count as lines."""
    old, new = _texts(before), _texts(after)
    return tuple(
        _compared(path, old.get(path, frozenset()), new.get(path, frozenset()))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    )


def _texts(libraries: Mapping[str, Library]) -> dict[str, frozenset[str]]:
    """Return the texts under each path: sites that were founded apart may differ in one."""
    found: dict[str, set[str]] = {}
    for library in libraries.values():
        for path, text in library.files:
            found.setdefault(path, set()).add(text)
    return {path: frozenset(texts) for path, texts in found.items()}


def _compared(path: str, old: frozenset[str], new: frozenset[str]) -> FileChanged:
    was, now = _lines(old), _lines(new)
    return FileChanged(path, (now - was).total(), (was - now).total())


def _lines(texts: frozenset[str]) -> Counter[str]:
    lines = (line.strip() for text in texts for line in text.splitlines())
    return Counter(line for line in lines if line and not line.startswith("#"))
