"""The texts of all mapping files, as one value that can be stored beside the plan made of it."""

import zlib
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
    wanted = [row for row in files if row[1].suffix in SUFFIXES and not _is_of_tests(row[0])]
    return Library(tuple(_texts(wanted).items()))


def read_tests(folder: Path) -> dict[str, str]:
    """Read all files of tests, by path relative to the folder; raises as `read_library`."""
    return _texts([row for row in files_below(folder) if row[0].endswith(TESTS)])


def _texts(files: list[tuple[str, Path]]) -> dict[str, str]:
    found: dict[str, str] = {}
    problems = Problems()
    for name, path in files:
        data = path.read_bytes()
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
