"""Commands whose output somebody may stop reading: `| head` ends them without a word."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")
_GONE = 141  # what a shell shows for a command that SIGPIPE has ended


def may_be_cut(main: Callable[P, int]) -> Callable[P, int]:
    """A main that ends quietly when nobody reads what it prints any more."""

    @functools.wraps(main)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            code = main(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered must not raise again when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return _GONE
        return code

    return wrapped
