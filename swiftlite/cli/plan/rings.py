"""The rings in force here, when they came, and those before them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from swiftlite.cluster.conf import ClusterConf
from swiftlite.policies import Policy
from swiftlite.ring import Ring, RingFileError
from swiftlite.vocab.quorum import replicated_quorum

_BACKUP = re.compile(r"(\d+)\.(.+)\.ring\.gz")


@dataclass(frozen=True, slots=True)
class InForce:
    """name: of the file, without `.ring.gz`. changed: when the file was written."""

    name: str
    ring: Ring
    policy: Policy | None
    changed: float
    folder: Path

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]

    @property
    def quorum(self) -> int:
        count = self.ring.replica_count
        return replicated_quorum(int(count)) if self.policy is None else self.policy.quorum(count)

    @property
    def needed(self) -> int:
        """Copies, or fragments, that a read takes."""
        code = None if self.policy is None else self.policy.erasure
        return 1 if code is None else code.data_fragments

    def before(self, moment: float) -> Ring | None:
        """The ring that was in force at a moment, from the backups that the builder keeps; None
        where there is none of then."""
        if self.changed <= moment:
            return self.ring
        found = sorted(
            (int(match[1]), path)
            for path in self.folder.joinpath("backups").glob(f"*.{self.name}.ring.gz")
            if (match := _BACKUP.fullmatch(path.name)) and match[2] == self.name
        )
        of_then = [path for written, path in found if written <= moment]
        if not of_then:
            return None
        try:
            return Ring.load(str(of_then[-1]), self.ring.hash_path)
        except RingFileError:
            return None


def rings_of(swift_dir: str, cluster: ClusterConf) -> Iterator[InForce]:
    """Every ring there is. Raises RingFileError for one that cannot be used: without it nothing
    can be told."""
    policies = {policy.ring_name: policy for policy in cluster.policies}
    for name in ("account", "container", *policies):
        path = os.path.join(swift_dir, f"{name}.ring.gz")
        if os.path.exists(path):
            ring = Ring.load(path, cluster.hash_path)
            changed = os.stat(path).st_mtime
            yield InForce(name, ring, policies.get(name), changed, Path(swift_dir))


def is_same(one: Ring, other: Ring) -> bool:
    return one.devices == other.devices and one.table.rows() == other.table.rows()
