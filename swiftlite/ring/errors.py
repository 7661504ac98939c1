"""What can go wrong with rings, and who must act.

The ring room never exits and never logs: every failure is one of these, with a whole sentence.
"""

from __future__ import annotations

from swiftlite.vocab.errors import SwiftliteError


class RingError(SwiftliteError):
    """What every error of this room derives from."""


class RingFileError(RingError):
    """A ring or builder file cannot be read or written; the operator must look at that file."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class BuilderError(RingError):
    """The builder was asked for something it cannot do; nothing was changed."""


class DuplicateDevice(BuilderError):
    """A device id, or an address and device name, is in use already."""


class ImpossiblePlan(BuilderError):
    """No assignment can fulfil the request: too few devices, or no weight at all."""
