"""Who holds what: rings, the builder that makes them, and what they consist of.

A library: no event loop, no configuration file, no global, no exit. See doc/embedding-the-ring.md.
"""

from .builder import Rebalanced, RingBuilder
from .device import Device, Handoff
from .errors import BuilderError, DuplicateDevice, ImpossiblePlan, RingError, RingFileError
from .ring import Ring
from .watch import RingWatcher

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
