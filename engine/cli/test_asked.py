"""Which tests somebody asked for, read from the mappings folder they lie in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.mapping.examination import chains
from engine.mapping.library import TESTS, files_below, read_library, read_tests
from engine.mapping.problem import Problems
from engine.mapping.testing.case import Case, FileOf
from engine.mapping.testing.coverage import Line
from engine.mapping.testing.suite import Suite, cases_of
from engine.plugin.functions import installed_functions

BASE = "base"  # the layer that makes a folder one of mappings
DEFAULT_FOLDER = Path("mappings")


@dataclass(frozen=True, slots=True)
class Asked:
    """The cases to run, and what they run on."""

    folder: Path
    paths: Sequence[Path]
    cases: list[Case]
    suite: Suite

    def is_meant(self, line: Line) -> bool:
        """Whether a line is in the folders given, or beside the files of tests given."""
        file = (self.folder / line.file).resolve()
        return not self.paths or any(
            file.is_relative_to(path.resolve()) or file == _beside(path.resolve())
            for path in self.paths
        )


def _beside(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(TESTS) + ".yaml")


def folder_of(paths: Sequence[Path]) -> Path:
    """Return the mappings folder the paths lie in, or the usual one."""
    for path in paths:
        for above in (path.resolve(), *path.resolve().parents):
            if (above / BASE).is_dir():
                return above
    return DEFAULT_FOLDER


def _below(file: Path, paths: Sequence[Path]) -> bool:
    return not paths or any(file.resolve().is_relative_to(path.resolve()) for path in paths)


def asked(folder: Path, paths: Sequence[Path], text: str) -> Asked:
    """Read the tests of a mappings folder, those below the paths alone, and choose by name."""
    problems = Problems()
    known = dict(files_below(folder))
    library = read_library(folder)
    tests = {name: held for name, held in read_tests(folder).items() if _below(known[name], paths)}
    found = cases_of(tests, known, problems)
    cases = [case for case in found if text.lower() in f"{case.file} {case.name.text}".lower()]
    named = [case.given.path for case in cases if isinstance(case.given, FileOf)]
    named += [case.golden.path for case in cases if case.golden and case.golden.path in known]
    files = {path: known[path].read_bytes() for path in named}
    suite = Suite(
        library,
        {chain[-1]: chain for chain in chains(library)},
        files,
        problems,
        functions=installed_functions(),
    )
    return Asked(folder, paths, cases, suite)


def shown(folder: Path) -> str:
    """Return the folder as somebody here would name it."""
    whole, here = folder.resolve(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_posix()
