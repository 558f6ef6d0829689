"""What is wrong in a mapping file, with its place: all of it in one run, shown as caret frames.

Knows no YAML and no FHIR. Codes are explained in `codes`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a mapping file. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: a code that never changes its meaning, a place, what to do."""

    code: str
    file: str
    line: int
    column: int
    message: str
    help: str = ""
    length: int = 1
    source: str = ""  # the line of the file

    def frame(self) -> str:
        """Render `file:line:column: code message`, the line, a caret and the help."""
        head = f"{self.file}:{self.line}:{self.column}: {self.code} {self.message}"
        lines = [head]
        if self.source:
            width = max(1, min(self.length, len(self.source) - self.column + 1))
            lines.append(f"{self.line:6d} | {self.source}")
            lines.append(f"{'':6} | {' ' * (self.column - 1)}{'^' * width}")
        if self.help:
            lines.append(f"{'':6} = help: {self.help}")
        return "\n".join(lines)


class MappingErrors(Exception):  # noqa: N818 - it carries all errors of a run
    """All problems of one compilation, in the order of the files."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(problem.frame() for problem in problems))
        self.problems = problems

    def frame(self) -> str:
        """Render all problems and their number."""
        count = len(self.problems)
        tail = f"{count} problem{'s' if count != 1 else ''} in the mapping files"
        return "\n\n".join([*(problem.frame() for problem in self.problems), tail])


class Problems:
    """Collects what is found, so that one run reports everything."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._lines = texts
        self._found: dict[Problem, None] = {}

    def report(self, code: str, mark: Mark, message: str, advice: str = "") -> None:
        """Keep a problem; the same one at the same place only once."""
        lines = self._lines.get(mark.file, "").splitlines()
        source = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
        problem = Problem(
            code, mark.file, mark.line, mark.column, message, advice, mark.length, source
        )
        self._found[problem] = None

    def __len__(self) -> int:
        return len(self._found)

    def raise_any(self) -> None:
        """Raise MappingErrors when anything was reported."""
        if self._found:
            raise MappingErrors(
                tuple(sorted(self._found, key=lambda p: (p.file, p.line, p.column, p.code)))
            )
