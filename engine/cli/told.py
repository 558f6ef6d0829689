"""Turns what a command raises into words and an exit code: people never see a traceback."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from engine.core.fault import Category, FaultError
from engine.mapping.problem import MappingErrors
from engine.settings.load import SettingsErrors

_P = ParamSpec("_P")
_BAD_CONFIG, _TRY_AGAIN, _PROBLEMS = 78, 75, 1
_CODES = {Category.BUSY: _TRY_AGAIN, Category.UNAVAILABLE: _TRY_AGAIN}


def told(command: Callable[_P, int]) -> Callable[_P, int]:
    """Let a command end with a sentence on standard error instead of an exception."""

    @wraps(command)
    def spoken(*arguments: _P.args, **options: _P.kwargs) -> int:
        try:
            return command(*arguments, **options)
        except FaultError as error:
            print(f"concord: {error.fault}", file=sys.stderr)
            return _CODES.get(error.fault.category, _PROBLEMS)
        except (SettingsErrors, MappingErrors) as error:
            print("\n\n".join(one.frame() for one in error.problems), file=sys.stderr)
            return _BAD_CONFIG

    return spoken
