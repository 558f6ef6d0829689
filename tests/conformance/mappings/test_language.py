"""The manual of the mapping language says what the library and the compiler do."""

import re
from pathlib import Path

from engine.mapping.library import Library, read_library
from engine.mapping.plan import compile_plan
from engine.mapping.site import SiteProfile

ROOT = Path(__file__).parents[3]
CHAIN = ("base", "us", "vendor/epic", "site/example")


def test_the_overlay_it_shows_compiles_on_the_library() -> None:
    manual = (ROOT / "mappings" / "LANGUAGE.md").read_text("utf-8")
    section = manual.partition("`kind: overlay`\n")[2]
    shown = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert shown is not None
    library = read_library(ROOT / "mappings")
    whole = Library((*library.files, ("site/example/overlay.yaml", shown[1])))
    plan = compile_plan(whole, SiteProfile("example", "UTC", CHAIN, b"k"))
    assert "ADT^Z01" in plan.triggers


def test_the_documents_about_resources_it_shows_compile() -> None:
    manual = (ROOT / "mappings" / "LANGUAGE.md").read_text("utf-8")
    section = manual.partition("## 13. `kind: fhir`")[2].partition("\n## ")[0]
    feed, identity = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    lines = feed.replace("survivor:", "# survivor:").replace("subsumed:", "# subsumed:")
    files = {
        "base/identity.yaml": "map: v1\nkind: identity\npatient: [{label: EPI, from: PID-3}]\n"
        + identity,
        "base/feed.yaml": lines.replace("fills: [identifier]", "").replace(
            "clears: [telecom, deceased]", ""
        ),
    }
    site = SiteProfile("example", "UTC", ("base",), b"k")
    plan = compile_plan(Library(tuple(sorted(files.items()))), site)
    assert plan.resource_types == ("Observation",)


def test_each_branch_of_a_number_can_be_reached_by_an_overlay() -> None:
    labels = ("number", "above", "below", "at-least", "at-most")
    changes = "".join(f"    value.NM.{label}.Quantity.unit: OBX-6.1\n" for label in labels)
    overlay = f"map: v1\nkind: overlay\nchange:\n  OBX-Observation:\n{changes}"
    library = read_library(ROOT / "mappings")
    whole = Library((*library.files, ("site/example/overlay.yaml", overlay)))
    assert compile_plan(whole, SiteProfile("example", "UTC", CHAIN, b"k")).triggers
