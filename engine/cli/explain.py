"""`concord explain CODE`: why a file is refused with a code, and what to do."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from engine.cli.told import told
from engine.core.problem import suggestion
from engine.mapping import codes as mapping
from engine.settings import codes as settings

_USAGE = 2


@told
def explain(code: str, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Say what an error code means and what to do.

    Parameters
    ----------
    code
        The code as it was shown, e.g. E203.
    as_json
        Print JSON.
    """
    known = {**settings.CODES, **mapping.CODES}
    found = known.get(code.upper())
    if found is None:
        hint = suggestion(code.upper(), known) or f"codes are {min(known)} to {max(known)}"
        print(f"concord: no code {code}; {hint}", file=sys.stderr)
        return _USAGE
    cause, cure = found
    if as_json:
        print(json.dumps({"code": code.upper(), "cause": cause, "cure": cure}))
    else:
        print(f"{code.upper()}: {cause}\n{cure}")
    return 0
