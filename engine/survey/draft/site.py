"""A site's first mapping from samples of its messages, files and resources: texts by path.

The draft is compiled and tried on the samples, so that it can say what is decided already.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from engine.formats.delimited.decode import EncodingChoice
from engine.formats.hl7v2.parse import Message
from engine.mapping.documents import Effective, listed, text_at
from engine.mapping.library import Library
from engine.mapping.node import Fields
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.problem import Problems
from engine.mapping.site import SiteProfile
from engine.mapping.strata import assemble
from engine.survey.coverage import Coverage, counted
from engine.survey.draft import feed as feeds
from engine.survey.draft.overlay import Known, overlay, remarks
from engine.survey.draft.seen import Habits
from engine.survey.gaps import Gap, gaps
from engine.survey.given import Given, of_file

_ENCODINGS = ("utf-8-sig", "cp1252")
_DELIMITERS = ",;\t|"
_WORD = re.compile(r"[a-z][a-z0-9]*")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,19}")
_OFTEN = 5  # times a code was seen that does not look like one
_ROWS = ".csv"
_NO_KEY = b"\x00" * 32  # ids are not looked at here


@dataclass(frozen=True, slots=True)
class Sample:
    """A file that a site has sent."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What was drafted: mapping files by path, codes to fill in, and what is decided by now."""

    files: dict[str, str]
    gaps: list[Gap]
    coverage: Coverage
    habits: Habits


def drafted(library: Library, profile: SiteProfile, samples: Sequence[Sample]) -> Draft:
    """Draft the last layer of a profile's chain, which has no files yet.

    MappingErrors of the layers below; FaultError `no-header` of a file without one.
    """
    *below, layer = profile.chain
    chain, problems = tuple(below), Problems()
    effective = assemble(library, chain, problems)
    problems.raise_any()
    lower = SiteProfile(
        profile.name, profile.timezone, chain, _NO_KEY, profile.charset, functions=profile.functions
    )
    plan = compile_plan(library, lower)
    habits = _habits(plan, samples)
    known = _known(effective)
    text = overlay(profile.name, chain, habits, known)
    files = dict(_feeds(plan, profile.name, layer, samples, _below(effective)))
    path = f"{layer}/overlay.yaml"
    whole = Library(tuple(sorted({**library.texts(), **files, path: text}.items())))
    traced = compile_plan(whole, profile, traced=True, lenient=True)
    found = counted(traced, _given(traced, samples))
    files[path] = text + remarks(found)
    missing = [gap for gap in gaps(traced, _given(traced, samples)) if _is_code(gap)]
    return Draft(files, missing, found, habits)


def _given(plan: Plan, samples: Sequence[Sample]) -> Iterator[Given]:
    for sample in samples:
        yield from of_file(plan, sample.data, sample.name, 0)


def _habits(plan: Plan, samples: Sequence[Sample]) -> Habits:
    habits = Habits()
    messages = [sample for sample in samples if not sample.name.lower().endswith(_ROWS)]
    for given in _given(plan, messages):
        if isinstance(given.value, Message):
            habits.add(given.value)
    return habits


def _known(effective: Effective) -> Known:
    rules = listed(effective.identity.get("patient"))
    vendor = any(not rule.mark.file.startswith("base/") for rule in rules)
    return Known(frozenset(effective.assigners), effective.segments, vendor)


def _below(effective: Effective) -> feeds.Below:
    rules = listed(effective.identity.get("patient"))
    first = rules[0] if rules else None
    label = text_at(first, "label") if isinstance(first, Fields) else ""
    return feeds.Below(label, feeds.SEXES in effective.tables)


def _feeds(
    plan: Plan, site: str, layer: str, samples: Sequence[Sample], below: feeds.Below
) -> Iterator[tuple[str, str]]:
    """Yield a document for each file that no layer below takes."""
    for sample in samples:
        name = PurePosixPath(sample.name).name
        known = any(contract.takes(name) for contract in plan.contracts)
        if name.lower().endswith(_ROWS) and not known:
            words = _WORD.findall(name.lower().removesuffix(_ROWS))
            feed = "-".join(words) or "rows"
            yield f"{layer}/feeds/{feed}.yaml", _feed(site, feed, sample.data, below)


def _feed(site: str, feed: str, data: bytes, below: feeds.Below) -> str:
    choice = EncodingChoice(_ENCODINGS)
    choice.feed(data)
    text = data.decode(choice.chosen())
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(rows, [])
    return feeds.document(site, feed, feeds.columns(header, rows), below)


def _is_code(gap: Gap) -> bool:
    """Whether a gap may be shown: a field for codes may hold what somebody typed."""
    return bool(gap.asked.table) and bool(_CODE.fullmatch(gap.asked.code) or gap.count >= _OFTEN)
