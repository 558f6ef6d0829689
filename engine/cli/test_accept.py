"""`concord test --accept`: writes what came out into the tests."""

from collections.abc import Collection, Sequence
from pathlib import Path

from engine.cli.rewrite import rewrite
from engine.mapping.testing.accept import Accepted, accepted
from engine.mapping.testing.suite import Result


def accept(folder: Path, results: Sequence[Result], named: Collection[str]) -> Accepted:
    """Change the files below the mappings folder; `named` are cases whose faults are meant."""
    texts = {
        one.case.file: (folder / one.case.file).read_bytes().decode()
        for one in results
        if one.differences
    }
    found = accepted(results, texts, named)
    for file, text in found.tests.items():
        rewrite(folder / file, text.encode())
    for file, data in found.goldens.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        rewrite(path, data)
    return found
