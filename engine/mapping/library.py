"""The texts of all mapping files, as one value that can be stored beside the plan made of it."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import orjson

SUFFIXES = (".yaml", ".csv")
TESTS = ".test.yaml"
FIXTURES = "fixtures"  # folders of files that tests name


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
        (name, path.read_text("utf-8"))
        for name, path in files_below(folder)
        if path.suffix in SUFFIXES and not _is_of_tests(name)
    ]
    return Library(tuple(found))


def read_tests(folder: Path) -> dict[str, str]:
    """Read all files of tests, by path relative to the folder; raises as `read_library`."""
    return {
        name: path.read_text("utf-8") for name, path in files_below(folder) if name.endswith(TESTS)
    }


def files_below(folder: Path) -> list[tuple[str, Path]]:
    """Return every file below a folder with its path relative to it, sorted."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted((path.relative_to(folder).as_posix(), path) for path in found)


def _is_of_tests(name: str) -> bool:
    return name.endswith(TESTS) or FIXTURES in name.split("/")[:-1]
