"""Importing a library without one that it imports and that we do not need."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType


@contextlib.contextmanager
def placeholder(name: str) -> Iterator[None]:
    """Within, `import name` gives an empty module, unless the real one is there; afterwards it
    gives the real one."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
