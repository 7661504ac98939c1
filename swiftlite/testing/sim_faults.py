"""Faults of a simulated disk: the n-th call fails, or the power goes at it."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

# Calls that may need a block, and so may find the device full.
ALLOCATING = frozenset((
    "open", "open_unnamed", "write", "pwrite", "truncate", "preallocate", "fsync", "write_out",
    "mkdir", "link", "link_unnamed", "rename", "setxattr", "flock",
))  # fmt: skip
# Calls that touch the medium, and so may find it broken. Closing and advising do not.
TOUCHING = ALLOCATING | frozenset((
    "read", "pread", "fsync_dir", "unlink", "rmdir", "listdir", "stat", "fstat", "size",
    "statvfs", "getxattr", "removexattr", "listxattr", "utime", "is_mount",
))  # fmt: skip


class PowerCut(BaseException):
    """The node is gone. Not an Exception, because no program handles it."""


@dataclass
class Faults:
    """What is to go wrong, and a count of what has happened.

    Faults are counted over the calls that may have them: fail_at=1 with ENOSPC is the first call
    that needs room. cut_at counts every call that touches the medium; the power goes before that
    call takes effect, or right after it when cut_after is set.
    """

    fail_at: int = 0
    fail_with: int = errno.EIO
    sticky: bool = False  # every later call fails as well
    cut_at: int = 0
    cut_after: bool = False
    calls: list[str] = field(default_factory=list)  # what was called, for messages
    eligible: int = 0
    touched: int = 0
    fired: bool = False

    def before(self, call: str, path: str) -> None:
        """Raises OSError or PowerCut if this is the call."""
        if call not in TOUCHING:
            return
        self.calls.append(f"{call} {path}")
        self.touched += 1
        if self.touched == self.cut_at and not self.cut_after:
            self.fired = True
            raise PowerCut(f"before call {self.cut_at}: {self.calls[-1]}")
        kinds = ALLOCATING if self.fail_with == errno.ENOSPC else TOUCHING
        if call in kinds:
            self.eligible += 1
            due = self.eligible == self.fail_at or (self.sticky and self.eligible > self.fail_at)
            if self.fail_at and due:
                self.fired = True
                raise OSError(self.fail_with, f"injected into {call}", path)

    def after(self, call: str) -> None:
        if call in TOUCHING and self.touched == self.cut_at and self.cut_after:
            self.fired = True
            raise PowerCut(f"after call {self.cut_at}: {self.calls[-1]}")
