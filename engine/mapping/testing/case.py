"""What a test of a mapping is: something that comes in, under a chain, and what has to come out.

Values only; `read` makes them of `kind: tests` documents and `run` tries them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.values import Diagnostic
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.plugged import NO_FUNCTIONS, Functions
from engine.mapping.problem import Place
from engine.mapping.site import SiteProfile
from engine.mapping.testing.path import TestPath

ID_KEY = b"\x00" * 32
"""The key of ids in tests: golden files hold them."""
RECEIVED_US = 1_767_268_800_000_000
"""When everything in tests arrives: 2026-01-01T12:00:00Z."""


REF = "ref"
"""The key of a reference that is wanted: `{ref: Patient}`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a plan is compiled for, but its chain."""

    name: str = "test"
    timezone: str = "UTC"
    charset: str = "utf-8"
    require_control_id: bool = False
    processing: tuple[str, ...] = ("", "P")

    def profile(self, chain: tuple[str, ...], functions: Functions = NO_FUNCTIONS) -> SiteProfile:
        """Return the profile of a site of this setting."""
        return SiteProfile(
            self.name,
            self.timezone,
            chain,
            ID_KEY,
            charset=self.charset,
            require_control_id=self.require_control_id,
            processing=self.processing,
            functions=functions,
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """Cells of a file, by name or header of their columns; those not named are empty."""

    feed: str
    rows: tuple[Fields, ...]
    deletes: bool  # they come in a file of deletions
    place: Place


@dataclass(frozen=True, slots=True)
class FileOf:
    """A file beside the tests."""

    path: str  # from the folder of the mappings
    name: Scalar


@dataclass(frozen=True, slots=True)
class Body:
    """A message, or a resource as JSON."""

    data: bytes
    is_resource: bool = False


Given = Rows | FileOf | Body


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of `expect`: a path, and the values it has to have."""

    path: TestPath
    key: Scalar
    wanted: Node


@dataclass(frozen=True, slots=True)
class Golden:
    """A file with everything that has to come out, and what of it is not compared."""

    path: str  # from the folder of the mappings
    name: Scalar
    ignore: frozenset[str]


@dataclass(frozen=True, slots=True)
class Case:
    """One test."""

    name: Scalar
    place: Place  # of the case as a whole
    chain: tuple[str, ...]  # empty: that of the layer the file lies in
    setting: Setting
    given: Given
    expect: tuple[Expectation, ...] = ()
    golden: Golden | None = None
    statements: Mapping[str, Node] = field(default_factory=dict)  # diagnostics, refused, merge ...

    @property
    def file(self) -> str:
        return self.name.mark.file

    @property
    def layer(self) -> str:
        """The layer the test lies in: `base`, `vendor/epic`."""
        return layer_of(self.file)


def layer_of(file: str) -> str:
    """Return the layer a file lies in, `a`, or `a/b` below vendor and site."""
    parts = file.split("/")
    deep = parts[0] in {"vendor", "site"} and len(parts) > 2
    return "/".join(parts[:2]) if deep else parts[0]


def noted(note: Diagnostic) -> str:
    """Return a diagnostic as tests write it."""
    return f"{note.code} at {note.where}"


def texts(node: Node) -> tuple[str, ...]:
    """Return the texts of a list, or of the one thing that stands for a list of one."""
    items = node.items if isinstance(node, Items) else (node,)
    return tuple(item.text for item in items if isinstance(item, Scalar))
