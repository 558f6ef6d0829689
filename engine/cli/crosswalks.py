"""The code tables of a site's own layer as files: read, replaced at once, and brought back.

What an import replaced lies beside each table, as `<name>.csv.before`; an empty one stands for a
table that was not there. It is no mapping file and is not read as one.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.app import region_of
from engine.cli.map import Which, mapping_of
from engine.core.fault import Category, refuse
from engine.core.problem import Place, Problem
from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors, compile_plan
from engine.mapping.problem import Problems
from engine.mapping.site import SiteProfile
from engine.mapping.strata import assemble
from engine.mapping.tables import Table
from engine.survey.crosswalk import CODE, Incoming, merged

_BEFORE = ".before"
_ROW = re.compile(r" at ([^ ]+\.csv:\d+)\b")
_SITE = "site/"


@dataclass(frozen=True, slots=True)
class Crosswalks:
    """The tables of a chain, and where those of the site lie."""

    folder: Path  # of the mappings
    library: Library
    profile: SiteProfile
    layer: str
    tables: Mapping[str, Table]

    def file(self, name: str) -> str:
        """Return where a table of the site stands, relative to the mappings."""
        known = (path for path, _ in self.library.layer(self.layer))
        usual = f"{self.layer}/codes/{name}.csv"
        return next((path for path in known if path.endswith(f"/{name}.csv")), usual)

    def rows(self) -> dict[str, list[list[str]]]:
        """Return the rows of the site's tables by table."""
        found = {}
        for path, text in self.library.layer(self.layer):
            if path.endswith(".csv"):
                name = path.rpartition("/")[2].removesuffix(".csv")
                lines = [line for line in text.splitlines() if not line.startswith("#")]
                found[name] = [row for row in list(csv.reader(lines))[1:] if "".join(row).strip()]
        return found

    def changes(self, found: Incoming) -> dict[str, tuple[int, int]]:
        """Return how many rows of each table are new, and how many others."""
        known = self.rows()
        result = {}
        for name, rows in found.rows.items():
            there = {(row[0].strip(), row[1].strip()): row for row in known.get(name, [])}
            new = sum(key not in there for key in rows)
            other = sum(
                key in there and _filled(there[key]) != row for key, (_, row) in rows.items()
            )
            result[name] = (new, other)
        return result

    def _texts(self, found: Incoming) -> dict[str, str]:
        """Return the texts of the tables that change, by path."""
        texts = self.library.texts()
        paths = {self.file(name): rows for name, rows in found.rows.items()}
        merge = {path: merged(texts.get(path, ""), rows) for path, rows in paths.items()}
        return {path: text for path, text in merge.items() if text != texts.get(path)}

    def problems_with(self, found: Incoming, sheet: str) -> list[Problem]:
        """Compile the site's mapping with the new rows; what is wrong with a row names its line."""
        texts = self._texts(found)
        library = Library(tuple(sorted({**self.library.texts(), **texts}.items())))
        try:
            compile_plan(library, self.profile)
        except MappingErrors as error:
            lines = dict(self._lines(found, texts))
            return list(dict.fromkeys(_moved(one, sheet, lines) for one in error.problems))
        return list(self._overruled(found, library, sheet))

    def _overruled(self, found: Incoming, library: Library, sheet: str) -> Iterator[Problem]:
        """Yield the rows that have no effect: a YAML file of the layer says the same code."""
        tables = assemble(library, self.profile.chain, Problems()).tables
        for name, rows in found.rows.items():
            for key, (line, row) in rows.items():
                target = tables[name].rows.get(key)
                if target is None or (target.system, target.code) != row[2:4]:
                    place, mark = Place(sheet, line.number, 1), tables[name].marks.get(key)
                    message = "the row would have no effect: another one of the layer overrules it"
                    yield Problem(CODE, message, place, f"see {mark}" if mark else "")

    def _lines(self, found: Incoming, texts: Mapping[str, str]) -> Iterator[tuple[str, int]]:
        """Yield the place of each new row in its table, and its line in the sheet."""
        for name, rows in found.rows.items():
            path = self.file(name)
            reader = csv.reader(io.StringIO(texts.get(path, "")))
            for cells in reader:
                line = rows.get((cells[0], cells[1])) if len(cells) > 1 else None
                if line is not None:
                    yield f"{path}:{reader.line_num}", line[0].number

    def write(self, found: Incoming) -> None:
        """Replace the tables; each as a whole, what was there beside it."""
        old = self.library.texts()
        for path in self._backups():
            path.unlink()
        for name, text in self._texts(found).items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _put(target.with_name(target.name + _BEFORE), old.get(name, ""))
            _put(target, text)

    def undo(self) -> list[str]:
        """Exchange the tables with what was there before; return which."""
        found = []
        for before in self._backups():
            target = before.with_name(before.name.removesuffix(_BEFORE))
            text, now = before.read_text("utf-8"), _text(target)
            if text:
                _put(target, text)
            else:
                target.unlink(missing_ok=True)
            _put(before, now)
            found.append(target.relative_to(self.folder).as_posix())
        return found

    def _backups(self) -> list[Path]:
        return sorted((self.folder / self.layer).rglob(f"*.csv{_BEFORE}"))


def _filled(row: list[str]) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in (*row, *[""] * 7)[:7])


def _text(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


def _put(file: Path, text: str) -> None:
    """Write a file so that whoever reads it sees the old or the new one."""
    draft = file.with_name(file.name + ".draft")
    draft.write_text(text, "utf-8", newline="")
    draft.replace(file)


def _moved(problem: Problem, sheet: str, lines: Mapping[str, int]) -> Problem:
    """Say a mistake in a row where the sheet has the row; others stand where they are."""
    row = _ROW.search(f" at {problem.place} {problem.help}")
    number = lines.get(row[1], 0) if row else 0
    return replace(problem, place=Place(sheet, number, 1)) if number else problem


def crosswalks(which: Which) -> Crosswalks:
    """Find the code tables of a site. FaultError `no-site-layer`; MappingErrors."""
    library, profile = mapping_of(which)
    layer = next((name for name in reversed(profile.chain) if name.startswith(_SITE)), "")
    if not layer:
        message = "the chain has no layer of a site to keep its codes in: name a site"
        raise refuse(Category.INVALID, "no-site-layer", message, ",".join(profile.chain))
    problems = Problems()
    tables = assemble(library, profile.chain, problems).tables
    problems.raise_any()
    folder = region_of(which.config).mappings_folder if which.config else which.mappings
    return Crosswalks(folder, library, profile, layer, tables)
