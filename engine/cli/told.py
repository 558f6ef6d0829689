"""Turns what a command raises into words and an exit code: people never see a traceback."""

import errno
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from engine.core.fault import Category, Fault, FaultError
from engine.mapping.problem import MappingErrors
from engine.settings.load import SettingsErrors

_P = ParamSpec("_P")
_BAD_CONFIG, _TRY_AGAIN, _PROBLEMS = 78, 75, 1
_USAGE = 2
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells say it
_CODES = {Category.BUSY: _TRY_AGAIN, Category.UNAVAILABLE: _TRY_AGAIN}
_OF_THE_FILE = frozenset({"secret-unreadable", "tls-file-unreadable", "journal-partitions"})
"""Faults that only a change of the region file ends: trying again would not."""
_OF_THE_COMMAND = frozenset(
    {
        "unknown-site",
        "unknown-activation",
        "reason-missing",
        "site-needs-region",
        "nothing-to-map",
        "nothing-to-show",
        "nothing-to-test",
        "replay-unclear",
        "since-unclear",
        "traffic-unclear",
        "no-site-layer",
        "unknown-layer",
        "site-name",
        "output-unclear",
        "no-such-file",
    }
)
"""Faults of what was typed."""


def told(command: Callable[_P, int]) -> Callable[_P, int]:
    """Let a command end with a sentence on standard error instead of an exception."""

    @wraps(command)
    def spoken(*arguments: _P.args, **options: _P.kwargs) -> int:
        try:
            code = command(*arguments, **options)
            sys.stdout.flush()
        except FaultError as error:
            print(f"concord: {error.fault}", file=sys.stderr)
            return exit_code(error.fault)
        except (SettingsErrors, MappingErrors) as error:
            print("\n\n".join(one.frame() for one in error.problems), file=sys.stderr)
            return _BAD_CONFIG
        except KeyboardInterrupt:
            return _INTERRUPTED
        except BrokenPipeError:
            _forget_output()
            return _PROBLEMS
        except OSError as error:
            if error.filename is None:  # no path somebody gave: a fault of ours, or of the machine
                raise
            print(f"concord: {error.strerror}: {error.filename}", file=sys.stderr)
            return _TRY_AGAIN if error.errno in _FULL else _BAD_CONFIG
        return code

    return spoken


def exit_code(fault: Fault) -> int:
    """Return what a program ends with that meets a fault."""
    if fault.code in _OF_THE_FILE:
        return _BAD_CONFIG
    if fault.code in _OF_THE_COMMAND:
        return _USAGE
    return _CODES.get(fault.category, _PROBLEMS)


def _forget_output() -> None:
    """Let the interpreter flush into nothing: who read the output has gone, as `head` does."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
