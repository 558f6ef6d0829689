"""The texts of all mapping files, as one value that can be stored beside the plan made of it."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import orjson

SUFFIXES = (".yaml", ".csv")
TESTS = ".test.yaml"


@dataclass(frozen=True, slots=True)
class Library:
    """Mapping files by path relative to their folder, sorted."""

    files: tuple[tuple[str, str], ...]

    def to_bytes(self) -> bytes:
        """Pack for storage; equal libraries give equal bytes."""
        return zlib.compress(orjson.dumps(self.files), 6)

    @staticmethod
    def from_bytes(packed: bytes) -> "Library":
        """Unpack what `to_bytes` made."""
        rows = orjson.loads(zlib.decompress(packed))
        return Library(tuple((path, text) for path, text in rows))

    def texts(self) -> dict[str, str]:
        """Path -> text."""
        return dict(self.files)

    def layer(self, name: str) -> tuple[tuple[str, str], ...]:
        """Files of one layer, e.g. `vendor/epic`."""
        start = f"{name}/"
        return tuple(row for row in self.files if row[0].startswith(start))


def read_library(folder: Path) -> Library:
    """Read all mapping files below a folder. OSError; UnicodeDecodeError for a file not UTF-8."""
    found = [
        (path.relative_to(folder).as_posix(), path.read_text("utf-8"))
        for path in folder.rglob("*")
        if path.suffix in SUFFIXES and not path.name.endswith(TESTS) and path.is_file()
    ]
    return Library(tuple(sorted(found)))
