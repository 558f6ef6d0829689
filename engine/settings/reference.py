"""The settings described from their declaration: JSON Schema for editors, rows for the manual."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.settings.region import ChannelHead, RegionFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"


class DescribedChannel(Protocol):
    """What is told of a channel: its spec has it."""

    @property
    def name(self) -> str: ...

    @property
    def direction(self) -> str: ...

    @property
    def config(self) -> type[BaseModel]: ...

    @property
    def summary(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its path in the file (`sites.<name>.timezone`), default and meaning."""

    path: str
    default: str
    description: str


def schema(channels: Iterable[DescribedChannel]) -> dict[str, Any]:
    """Return the JSON Schema of a region file with the given kinds of channel."""
    whole = RegionFile.model_json_schema(ref_template="#/$defs/{model}")
    kinds = [_channel_schema(channel) for channel in channels]
    for kind in kinds:
        whole["$defs"].update(kind.pop("$defs", {}))  # where references look for them
    whole["properties"]["channels"]["additionalProperties"] = {"oneOf": kinds}
    return {"$schema": DRAFT, **whole}


def _channel_schema(channel: DescribedChannel) -> dict[str, Any]:
    own = channel.config.model_json_schema()
    head = ChannelHead.model_json_schema()["properties"]
    fixed = {"type": {"const": channel.name}, "direction": {"const": channel.direction}}
    properties = {**head, **own.get("properties", {}), **fixed}
    required = [*ChannelHead.model_fields, *own.get("required", [])]
    return {**own, "description": channel.summary, "properties": properties, "required": required}


def settings(channels: Iterable[DescribedChannel]) -> list[Setting]:
    """Return every setting, in the order of the models."""
    rows = list(_rows(RegionFile, ""))
    rows += _rows(ChannelHead, "channels.<name>.")
    for channel in channels:
        rows += _rows(channel.config, f"channels.<{channel.name} {channel.direction}>.")
    return rows


def settings_table(channels: Iterable[DescribedChannel]) -> str:
    """Return the settings as a Markdown table."""
    head = ["| setting | default | meaning |", "|---|---|---|"]
    lines = [f"| `{one.path}` | {one.default} | {one.description} |" for one in settings(channels)]
    return "\n".join([*head, *lines, ""])


def _rows(model: type[BaseModel], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        inner, step = _inner(field.annotation)
        if inner is None:
            yield Setting(prefix + name, _default(field), field.description or "")
        else:
            yield from _rows(inner, f"{prefix}{name}.{step}")


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """Return the model a setting holds and the step to one of its keys."""
    if _is_model(annotation):
        return annotation, ""
    arguments = get_args(annotation)
    if len(arguments) == 2 and _is_model(arguments[1]):
        return arguments[1], "<name>."  # a table by name
    if len(arguments) == 2 and _is_model(arguments[0]):
        return arguments[0], ""  # one that may be left out
    return None, ""


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value in (None, "", (), {}):
        return "none"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"
