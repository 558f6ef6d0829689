"""`concord explain CODE`: what a code means, and what to do."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from engine.cli.catalog import known
from engine.cli.told import told
from engine.core.problem import suggestion

_USAGE = 2
_HINT = "codes look like E203 or charset-mismatch; docs/codes.md lists them"


@told
def explain(code: str, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Say what a code means and what to do.

    Parameters
    ----------
    code
        The code as it was shown, e.g. E203 or charset-mismatch.
    as_json
        Print JSON.
    """
    codes = {name.lower(): (name, *said) for name, said in known().items()}
    found = codes.get(code.lower())
    if found is None:
        hint = suggestion(code, known()) or _HINT
        print(f"concord: no code {code}; {hint}", file=sys.stderr)
        return _USAGE
    name, cause, cure = found
    if as_json:
        print(json.dumps({"code": name, "cause": cause, "cure": cure}))
    else:
        print(f"{name}: {cause}\n{cure}")
    return 0
