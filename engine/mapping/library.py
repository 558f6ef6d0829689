"""The texts of all mapping files, as one value that can be stored beside the plan made of it."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from engine.mapping.problem import Place, Problems

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
    """Read all mapping files below a folder. OSError; MappingErrors for what is not UTF-8."""
    files = files_below(folder)
    return library_from((name, path.read_bytes()) for name, path in files if is_mapping(name))


def is_mapping(name: str) -> bool:
    """Whether a file of this path is part of the library; tests and their inputs are not."""
    return name.endswith(SUFFIXES) and not _is_of_tests(name)


def library_from(files: Iterable[tuple[str, bytes]]) -> Library:
    """Take files by path. MappingErrors for what is not UTF-8."""
    return Library(tuple(sorted(_texts(files).items())))


def read_tests(folder: Path) -> dict[str, str]:
    """Read all files of tests, by path relative to the folder; raises as `read_library`."""
    return _texts((n, path.read_bytes()) for n, path in files_below(folder) if n.endswith(TESTS))


def _texts(files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    problems = Problems()
    for name, data in files:
        try:
            found[name] = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            before = data[: error.start]
            column = len(before) - before.rfind(b"\n")
            place = Place(name, before.count(b"\n") + 1, column)
            problems.report("E101", place, "not UTF-8", "save the file as UTF-8")
    problems.raise_any()
    return found


def files_below(folder: Path) -> list[tuple[str, Path]]:
    """Return every file below a folder with its path relative to it, sorted."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted((path.relative_to(folder).as_posix(), path) for path in found)


def _is_of_tests(name: str) -> bool:
    return name.endswith(TESTS) or FIXTURES in name.split("/")[:-1]
