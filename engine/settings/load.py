"""Reads a region file: all mistakes in one run, each with its line; then frozen values.

`SettingsErrors` is what a command prints before it exits with `EXIT_CODE` (78, EX_CONFIG of
sysexits.h). Knows no channel: which types there are, the caller's registry says.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from engine.core import strict_yaml
from engine.core.problem import Place, Problem, suggestion
from engine.core.strict_yaml import Node, Scalar, Table
from engine.settings.agreement import disagreements
from engine.settings.locate import (
    absent_values,
    literal_secrets,
    problems_of,
    value_place,
)
from engine.settings.region import MAPPINGS_FOLDER, Channel, ChannelHead, Region, RegionFile
from engine.settings.secret import mask_literals

EXIT_CODE = 78


class ChannelKind(Protocol):
    """What the settings ask of a channel's spec."""

    @property
    def config(self) -> type[BaseModel]: ...

    @property
    def ports(self) -> Callable[[Any], list[int]]: ...


class ChannelKinds(Protocol):
    """What the settings ask of the registry of channels."""

    def get(self, name: str, direction: str) -> ChannelKind | None: ...

    def names(self) -> tuple[str, ...]: ...


class SettingsErrors(Exception):  # noqa: N818 - it carries many
    """A region file that cannot be used. `problems` are in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        masked = (replace(one, place=_masked(one.place)) for one in problems)
        in_order = sorted(masked, key=lambda one: (one.place.line, one.place.column, one.code))
        self.problems = tuple(dict.fromkeys(in_order))
        super().__init__(f"{len(self.problems)} mistakes in the region file")

    def frames(self) -> str:
        """Return all problems as text for people."""
        return "\n\n".join(problem.frame() for problem in self.problems)


def load_region(path: Path, channels: ChannelKinds) -> Region:
    """Read and check a region file. SettingsErrors with everything that is wrong in it."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        words = error.strerror or "cannot be read"
        raise SettingsErrors([Problem("E300", words, Place(str(path), 1, 1))]) from error
    except UnicodeDecodeError as error:
        problem = Problem("E101", "not UTF-8", Place(str(path), 1, 1), "save the file as UTF-8")
        raise SettingsErrors([problem]) from error
    return read_region(text, path, channels)


def read_region(text: str, path: Path, channels: ChannelKinds) -> Region:
    """Check the text of a region file; `path` names it and anchors its relative paths."""
    document = strict_yaml.read(text, str(path))
    root = document.root
    if root is None or any(one.code != "E102" for one in document.problems):
        empty = Problem("E302", "'region' is missing: the file is empty", Place(str(path), 1, 1))
        raise SettingsErrors(document.problems or [empty])
    problems = [*document.problems, *absent_values(root), *literal_secrets(root)]
    file = _checked(RegionFile, strict_yaml.plain(root), root, problems)
    anchor = path.resolve().parent
    found = [_channel(name, root, channels, problems, anchor) for name in _channel_names(root)]
    usable = [channel for channel in found if channel is not None]
    folder = anchor / (file.mappings_folder if file else _mappings_folder(root))
    problems += disagreements(root, usable, folder)
    if file is None or problems:
        raise SettingsErrors(_without_echo(problems))
    return _region(file, path.resolve(), tuple(usable))


def _without_echo(problems: list[Problem]) -> list[Problem]:
    """Leave out what only follows from a missing value or a literal secret at the same place."""
    causes = {problem.place for problem in problems if problem.code in {"E304", "E309"}}
    return [one for one in problems if one.code != "E303" or one.place not in causes]


def _checked(
    model: type[RegionFile], content: Any, root: Node, problems: list[Problem]
) -> RegionFile | None:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems += problems_of(error, root, model)
        return None


def _mappings_folder(root: Node) -> str:
    written = root.get("mappings_folder") if isinstance(root, Table) else None
    return written.text if isinstance(written, Scalar) else MAPPINGS_FOLDER


def _channel_names(root: Node) -> list[str]:
    section = root.get("channels") if isinstance(root, Table) else None
    return [entry.name for entry in section.entries] if isinstance(section, Table) else []


def _channel(
    name: str, root: Node, channels: ChannelKinds, problems: list[Problem], anchor: Path
) -> Channel | None:
    """Check one channel; relative paths in it are below `anchor`."""
    at = ("channels", name)
    content = strict_yaml.plain(root)["channels"][name]
    if not isinstance(content, Mapping):
        return None  # the model of the file has said so
    try:
        head = ChannelHead.model_validate(content)
    except ValidationError as error:
        problems += problems_of(error, root, ChannelHead, at)
        return None
    kind = channels.get(head.type, head.direction)
    if kind is None:
        problems.append(_unknown_type(head, root, at, channels))
        return None
    own = {key: value for key, value in content.items() if key not in ChannelHead.model_fields}
    try:
        config = kind.config.model_validate(own, context={"folder": anchor})
    except ValidationError as error:
        problems += problems_of(error, root, kind.config, at)
        return None
    ports = tuple(kind.ports(config))
    return Channel(name, head.type, head.site, head.direction, config, ports)


def _unknown_type(
    head: ChannelHead, root: Node, at: tuple[str, str], channels: ChannelKinds
) -> Problem:
    names = channels.names()
    if head.type in names:
        text = f"a channel of type '{head.type}' has no direction '{head.direction}'"
        return Problem("E311", text, value_place(root, (*at, "direction")))
    remedy = suggestion(head.type, names) or f"known types: {', '.join(names)}"
    text = f"unknown channel type '{head.type}'"
    return Problem("E310", text, value_place(root, (*at, "type")), remedy)


def _region(file: RegionFile, path: Path, channels: tuple[Channel, ...]) -> Region:
    folder = path.parent
    identity = file.identity.model_copy(
        update={
            "model": file.identity.model and folder / file.identity.model,
            "survivorship": file.identity.survivorship and folder / file.identity.survivorship,
        }
    )
    return Region(
        name=file.region,
        file=path,
        data_folder=(folder / file.data_folder).resolve(),
        mappings_folder=(folder / file.mappings_folder).resolve(),
        workers=file.workers,
        sites=dict(file.sites),
        channels=channels,
        api=file.api,
        identity=identity,
        storage=file.storage,
        limits=file.limits,
    )


def _masked(place: Place) -> Place:
    return replace(place, source=mask_literals(place.source))
