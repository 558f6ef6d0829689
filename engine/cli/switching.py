"""What `reload` and `rollback` say: whom they wait for, and what holds now instead of what."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.app import compile_kept
from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors
from engine.mapping.strata import Strata
from engine.pipeline.activation import SitePlan
from engine.pipeline.files_changed import FileChanged, files_changed
from engine.roles.activating import Change, Done
from engine.roles.starting import Held
from engine.security.keys import RegionKey
from engine.settings.region import Region

_TRY_AGAIN = 75
_TELL_S = 1.0
_MOST = 20


class Progress:
    """Says on a terminal whom a switch waits for, once it takes a while."""

    def __init__(self) -> None:
        self._told_s = time.monotonic()
        self._shown = False

    def __call__(self, phase: str, names: list[str]) -> None:
        if sys.stderr.isatty() and time.monotonic() - self._told_s > _TELL_S:
            self._told_s, self._shown = time.monotonic(), True
            print(f"\r\x1b[K{phase}: {', '.join(names)}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Report:
    """What a switch did: plans and triggers of each site, and files."""

    def __init__(self, region: Region, key: RegionKey, before: Held | None, change: Change) -> None:
        self._region, self._key = region, key
        self._old = before.sites if before else {}
        self._old_files = before.libraries if before else {}
        self._change = change

    def say(self, done: Done, *, as_json: bool) -> int:
        """Print it; returns the exit code."""
        sites = {name: self._site(name) for name in self._names()}
        files = files_changed(self._old_files, self._change.libraries)
        if as_json:
            told = {"position": done.position, "late": done.late, "sites": sites}
            print(json.dumps(told | {"files": [asdict(one) for one in files]}))
        else:
            for line in (*_lines(sites), *in_words(files)):
                print(line)
            print(f"holds from position {done.position} of the journal on")
        if done.late:
            print(f"not switched yet: {', '.join(done.late)}", file=sys.stderr)
        return _TRY_AGAIN if done.late else 0

    def _names(self) -> list[str]:
        new = self._change.sites.sites
        every = sorted(self._old.keys() | new.keys())
        return [name for name in every if _plan(self._old, name) != _plan(new, name)]

    def _site(self, name: str) -> dict[str, Any]:
        new = self._change.sites.sites
        was = self._triggers(self._old.get(name), self._old_files.get(name))
        now = self._triggers(new.get(name), self._change.libraries.get(name))
        return {
            "from": _plan(self._old, name),
            "to": _plan(new, name),
            "added": sorted(now - was),
            "removed": sorted(was - now),
        }

    def _triggers(self, one: SitePlan | None, library: Library | None) -> frozenset[str]:
        if one is None or library is None:
            return frozenset()
        try:
            plan = compile_kept(self._region, self._key, Strata(library), library, one.profile)
        except MappingErrors:  # another version of this program could read it
            return frozenset()
        return frozenset((*plan.triggers, *plan.resource_types))


def _plan(sites: Mapping[str, SitePlan], name: str) -> str:
    return sites[name].plan if name in sites else ""


def _lines(sites: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, site in sites.items():
        yield f"{name}: {site['from'] or 'nothing'} -> {site['to'] or 'nothing'}"
        for word in ("added", "removed"):
            if site[word]:
                yield f"  {word}: {', '.join(site[word])}"


def in_words(files: Sequence[FileChanged]) -> Iterator[str]:
    """Say a line for each file, but not for all of a whole library."""
    for file in files[:_MOST]:
        yield f"  {file.path}: {file.added} lines new, {file.removed} gone"
    if len(files) > _MOST:
        yield f"  and {len(files) - _MOST} more files"
