"""One storage policy: an index that never changes, names that may, and how objects are kept.

The index is what disks, databases and peers know; names are for people and clients. Knows no
ring: how many replicas there are is the ring's matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from swiftlite.policies.erasure import ErasureCode
from swiftlite.vocab.quorum import replicated_quorum

REPLICATION = "replication"
REPLICATED_DISKFILE = "egg:swiftlite#replication.fs"
NAME = re.compile(r"[A-Za-z0-9-]+")
LEGACY_NAME = "Policy-0"
"""The name of policy 0 where swift.conf names none, and one by which it is always found."""


class PolicyError(ValueError):
    """swift.conf describes policies that cannot be; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Policy:
    """aliases holds every name, the first being the one that is shown.

    deprecated: containers cannot be made with it any more, those that exist are served.
    erasure is set exactly where kind is erasure_coding.
    """

    index: int
    name: str
    aliases: tuple[str, ...] = ()
    is_default: bool = False
    deprecated: bool = False
    kind: str = REPLICATION
    diskfile_module: str = REPLICATED_DISKFILE
    erasure: ErasureCode | None = None

    @property
    def ring_name(self) -> str:
        """The ring's file name without `.ring.gz`: object, object-1, ..."""
        return "object" if self.index == 0 else f"object-{self.index}"

    def quorum(self, replica_count: float) -> int:
        """How many answers of a write make it done."""
        if self.erasure is not None:
            return self.erasure.quorum
        return replicated_quorum(int(replica_count))

    def info(self) -> dict[str, Any]:
        """What clients read of it under /info."""
        told: dict[str, Any] = {"name": self.name, "aliases": ", ".join(self.aliases)}
        if self.is_default:
            told["default"] = True
        return told


def check_name(name: str, index: int) -> str:
    """The name, if it is one; PolicyError says what it may hold."""
    if not NAME.fullmatch(name):
        raise PolicyError(
            f"[storage-policy:{index}]: the name {name!r} may hold letters, digits and dashes only"
        )
    if index != 0 and name.lower() == LEGACY_NAME.lower():
        raise PolicyError(f"[storage-policy:{index}]: only policy 0 may be called {LEGACY_NAME}")
    return name
