"""The image, the commands and the installed packages keep their promises. Nothing is built here."""

import re
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = ("engine", "channels", "mpi")


@pytest.fixture(scope="module")
def stages(root: Path) -> list[str]:
    text = (root / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    return re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_owns_our_import_names(name: str, root: Path) -> None:
    assert set(packages_distributions().get(name, [])) <= {"concord-engine"}
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin == str(root / name / "__init__.py")


def test_the_image_is_built_in_two_stages_from_a_base_that_can_be_pinned(
    stages: list[str], root: Path
) -> None:
    assert [stage.split()[:2] for stage in stages] == [["FROM", "${BASE}"]] * 2
    assert re.search(
        r"^ARG BASE=python:3\.11", (root / "Dockerfile").read_text("utf-8"), re.MULTILINE
    )
    assert "COPY --from=build" in stages[1]


def test_the_image_installs_only_what_the_lock_pins(stages: list[str]) -> None:
    installs = re.findall(r"pip install[^&\n]*", "\n".join(stages))
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "requirements.lock" in installs[0]
    assert not re.search(r"apt-get|curl|wget|ADD ", "\n".join(stages))


def test_the_image_runs_without_root_and_reports_its_health(stages: list[str]) -> None:
    final = stages[1]
    user = re.search(r"^USER (\S+)", final, re.MULTILINE)
    assert user is not None
    assert user.group(1).split(":")[0] not in {"0", "root"}
    assert re.search(r"^HEALTHCHECK .*urllib\.request", final, re.MULTILINE)
    assert "/health" in final
    assert final.index("USER ") < final.index("ENTRYPOINT ")
    assert re.search(r"^ENTRYPOINT \[", final, re.MULTILINE), "exec form: SIGTERM reaches it"


def test_what_the_image_copies_is_let_in_and_exists(stages: list[str], root: Path) -> None:
    let_in = set(re.findall(r"^!(\S+)", (root / ".dockerignore").read_text("utf-8"), re.MULTILINE))
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", "\n".join(stages), re.MULTILINE))
    assert copied == let_in
    assert [name for name in copied if not (root / name).exists()] == []


def test_the_makefile_offers_the_commands(root: Path) -> None:
    text = (root / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    assert targets >= {"setup", "demo", "test", "check", "bench", "soak", "lock", "docs", "clean"}
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) == targets
    assert "--require-hashes" in text


def test_ci_runs_what_the_readme_says(root: Path) -> None:
    script = (root / ".ci" / "run").read_text("utf-8")
    assert script.rstrip().endswith("exec make test")
    assert "set -euo pipefail" in script
