"""Who holds what: rings, the builder that makes them, and what they consist of.

A library: no event loop, no configuration file, no global, no exit. See doc/embedding-the-ring.md.
"""

from typing import TYPE_CHECKING

from .device import Device, Handoff
from .errors import BuilderError, DuplicateDevice, ImpossiblePlan, RingError, RingFileError
from .ring import Ring
from .watch import RingWatcher

if TYPE_CHECKING:
    from .builder import Rebalanced, RingBuilder

__all__ = [
    "BuilderError",
    "Device",
    "DuplicateDevice",
    "Handoff",
    "ImpossiblePlan",
    "Rebalanced",
    "Ring",
    "RingBuilder",
    "RingError",
    "RingFileError",
    "RingWatcher",
]


def __getattr__(name: str) -> object:
    """The builder comes when it is asked for: most processes read rings and never make one."""
    if name not in ("Rebalanced", "RingBuilder"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import builder

    return getattr(builder, name)
