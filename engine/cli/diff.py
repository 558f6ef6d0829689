"""`concord diff`: real traffic through two mappings, and what would change by which line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import region_of
from engine.cli.begun import begun
from engine.cli.git_library import git_library
from engine.cli.map import Which, mapping_of
from engine.cli.told import told
from engine.cli.traffic import Window, asked, shown, traffic
from engine.core.fault import Category, refuse
from engine.mapping.library import Library, read_library
from engine.mapping.site import SiteProfile
from engine.roles.starting import held
from engine.survey.comparison import FAILING, IDENTICAL, Comparison, Group, Side, compared

RUNNING = "running"
_GIT = "git:"
_SAME, _FAILING, _CHANGED = 0, 1, 2


@told
def diff(
    old: str,
    new: Path | None = None,
    *,
    corpus: Annotated[list[Path] | None, Parameter(name="--files")] = None,
    which: Which | None = None,
    window: Window | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Map real traffic by two mappings, and show what would change.

    Changes are grouped by the line of the mapping that makes them and the element they show in.
    Values are shown by their shape, codes of public systems and of fixed value sets as codes.
    Nothing is stored. Exit codes: 0 nothing changes, 1 messages would begin to fail, 2 something
    changes and nothing begins to fail.

    Parameters
    ----------
    old
        A mappings folder; or `running`, the mapping that holds in the region; or `git:COMMIT`, the
        new folder as it is in a commit, a branch or a tag.
    new
        Another mappings folder; without it the one of the region file.
    corpus
        Files or folders to map instead of the journal.
    which
        The site whose traffic is mapped, by the layers and the zone its region file says.
    window
        The part of the journal.
    as_json
        Print JSON.
    """
    files, which = asked(corpus or [], which or Which())
    library, profile = mapping_of(which)
    before = Side(*_old(old, new, which, profile))
    after = Side(read_library(_folder(new)) if new else library, profile)
    with traffic(files, which, window, after.plan) as (total, given):
        found = compared(before, after, shown(given, total))
    print(json.dumps(_as_dict(found))) if as_json else _tell(found)
    if found.counts[FAILING]:
        return _FAILING
    return _SAME if found.counts[IDENTICAL] == sum(found.counts.values()) else _CHANGED


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise refuse(Category.NOT_FOUND, "no-such-file", "there is no such folder", str(path))
    return path


def _old(
    old: str, new: Path | None, which: Which, profile: SiteProfile
) -> tuple[Library, SiteProfile]:
    """Return the files and the profile of the old mapping."""
    if old.startswith(_GIT):
        usual = region_of(which.config).mappings_folder if which.config else which.mappings
        return git_library(new or usual, old.removeprefix(_GIT)), profile
    if old != RUNNING:
        return read_library(_folder(Path(old))), profile
    if which.config is None:
        message = "which mapping holds says the region: name its file with --config"
        raise refuse(Category.INVALID, "site-needs-region", message, RUNNING)
    now = held(*begun(which.config))
    known = now.sites.get(which.site) if now else None
    if now is None or known is None or which.site not in now.libraries:
        message = "no mapping has held for this site yet: start the region, or name a folder"
        raise refuse(Category.NOT_FOUND, "nothing-held", message, f"--site {which.site}")
    return now.libraries[which.site], replace(known.profile, id_key=profile.id_key)


def _as_dict(found: Comparison) -> dict[str, object]:
    groups = [
        {
            "kind": group.kind,
            "line": group.line,
            "element": group.element,
            "deliveries": group.deliveries,
            "examples": group.examples,
            "shapes": [{"before": before, "after": after} for before, after in group.shapes],
        }
        for group in found.groups()
    ]
    return {"deliveries": sum(found.counts.values()), **found.counts, "groups": groups}


def _tell(found: Comparison) -> None:
    line = None
    for group in found.groups():
        if group.line != line or not line:
            line = group.line
            print(line or f"({group.kind})")
        _tell_group(group)
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    print(f"{sum(found.counts.values())} deliveries: {counts}")


def _tell_group(group: Group) -> None:
    examples = ", ".join(group.examples)
    kind = "" if group.kind == "changed" else f" {group.kind}"
    print(f"  {group.element}:{kind} {group.deliveries} (as {examples})")
    for before, after in group.shapes:
        print(f"    {before} -> {after}")
