"""The samples' larger region: its file is sound, its sites have chains and traffic."""

from pathlib import Path

from engine import app
from engine.mapping.library import read_library
from engine.mapping.plan import compile_plan
from engine.mapping.site import SiteProfile

ROOT = Path(__file__).parents[3]


def test_every_site_of_the_region_compiles_and_sends() -> None:
    region = app.region_of(ROOT / "samples" / "region-five.yaml")
    library = read_library(ROOT / "mappings")
    assert region.sites.keys() == {path.name for path in (ROOT / "samples/messages").iterdir()}
    for name, site in region.sites.items():
        profile = SiteProfile(name, site.timezone, tuple(site.mappings), b"k")
        assert "ADT^A40" in compile_plan(library, profile).triggers
