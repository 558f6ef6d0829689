"""What no rule used is without effect: a message without it gives the same."""

from pathlib import Path

import pytest

from engine.cli.map import Which, plan_of
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.plan import Plan

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module", params=["mercy", "lakeside", "hilltop"])
def site(request: pytest.FixtureRequest) -> tuple[Plan, list[Path]]:
    which = Which(request.param, SAMPLES / "region.yaml")
    return plan_of(which), sorted((SAMPLES / "messages" / request.param).glob("*.hl7"))


def without_unused(plan: Plan, message: Message) -> tuple[Message, int]:
    """Empty all fields that no rule used; return how many there were."""
    used = {(use.place, use.name) for use in plan.trace(message, 0).uses}
    gone, lines = 0, []
    for place, segment in enumerate(message.segments):
        fields = list(segment.fields)
        for number in range(1, len(fields)):
            if fields[number] and (place, f"{segment.name}-{number}") not in used:
                fields[number], gone = "", gone + 1
        head = fields[2:] if segment.name == "MSH" else fields[1:]
        lines.append("|".join([segment.name, *head]))
    return parse("\r".join(lines).encode(message.charset), plan.site.charset), gone


def test_what_is_not_used_changes_nothing(site: tuple[Plan, list[Path]]) -> None:
    plan, files = site
    emptied = 0
    for file in files:
        message = parse(file.read_bytes(), plan.site.charset)
        bare, gone = without_unused(plan, message)
        emptied += gone
        whole, rest = plan.map(message, 0), plan.map(bare, 0)
        assert rest.contributions == whole.contributions, file.name
        assert (rest.patients, rest.aliases, rest.merges) == (
            whole.patients,
            whole.aliases,
            whole.merges,
        )
    assert emptied > len(files)
