"""What has to agree between the parts of a region file, and with zones and folders that exist.

Works on what is written, whether or not the rest of the file is right, so that one run finds
everything. What has the wrong shape is skipped here: the model of the file says so.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from engine.core.problem import Place, Problem, suggestion
from engine.core.strict_yaml import Node, plain
from engine.settings.locate import Loc, key_place, value_place
from engine.settings.region import Api, Channel


def disagreements(root: Node, channels: list[Channel], mappings: Path) -> Iterator[Problem]:
    """Compare names, zones, layers and ports; `mappings` is where the layers lie."""
    content = plain(root)
    sites = _table(content, "sites")
    missing = bool(sites) and not mappings.is_dir()
    if missing:
        yield _no_folder(mappings, root)
    for name in sites:
        site = _table(sites, name)
        yield from _zone(site.get("timezone"), ("sites", name, "timezone"), root)
        layers = site.get("mappings")
        for number, layer in enumerate(layers if isinstance(layers, list) and not missing else []):
            yield from _layer(layer, ("sites", name, "mappings", number), mappings, root)
    for name in _table(content, "channels"):
        site_name = _table(_table(content, "channels"), name).get("site")
        yield from _site(site_name, list(sites), value_place(root, ("channels", name, "site")))
    for name in _table(_table(content, "identity"), "trust"):
        yield from _site(name, list(sites), key_place(root, ("identity", "trust", name)))
    yield from _ports(_table(content, "api").get("port", str(Api().port)), channels, root)


def _table(content: Any, key: str) -> Mapping[str, Any]:
    found = content.get(key) if isinstance(content, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _zone(zone: Any, loc: Loc, root: Node) -> Iterator[Problem]:
    if not isinstance(zone, str) or not zone:
        return
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        remedy = suggestion(zone, available_timezones()) or "use an IANA name"
        yield Problem("E306", f"unknown time zone '{zone}'", value_place(root, loc), remedy)


def _no_folder(mappings: Path, root: Node) -> Problem:
    place = value_place(root, ("mappings_folder",))
    remedy = "correct mappings_folder; it is relative to this file"
    return Problem("E307", f"no folder {mappings.resolve()}", place, remedy)


def _layer(layer: Any, loc: Loc, mappings: Path, root: Node) -> Iterator[Problem]:
    if not isinstance(layer, str) or not layer:
        return
    if (mappings / layer).is_dir() or (mappings / f"{layer}.yaml").is_file():
        return
    remedy = suggestion(layer, _known_layers(mappings)) or "no such folder in mappings_folder"
    if (mappings.parent / layer).is_dir():
        remedy = f"mappings_folder is one layer only: name the folder above it, {mappings.parent}"
    yield Problem("E307", f"unknown mapping layer '{layer}'", value_place(root, loc), remedy)


def _known_layers(mappings: Path) -> list[str]:
    paths = (path for pattern in ("*", "*/*") for path in mappings.glob(pattern))
    return [path.relative_to(mappings).as_posix() for path in paths if path.is_dir()]


def _site(name: Any, sites: list[str], place: Place) -> Iterator[Problem]:
    if isinstance(name, str) and name and name not in sites:
        remedy = suggestion(name, sites) or f"known sites: {', '.join(sites)}"
        yield Problem("E305", f"unknown site '{name}'", place, remedy)


def _ports(api_port: Any, channels: list[Channel], root: Node) -> Iterator[Problem]:
    owners = {api_port: "the API"} if api_port != "0" else {}
    for channel in channels:
        for port in map(str, channel.ports):
            if port in owners:
                place = value_place(root, ("channels", channel.name, "port"))
                text = f"port {port} is taken by {owners[port]}"
                yield Problem("E308", text, place, "give each its own port")
            owners.setdefault(port, f"channel '{channel.name}'")
