"""A ring: which devices hold a name. An immutable value.

Two look-ups carry every request of every server, so they are written out for the common shapes:
name to partition to primaries in 0.6 µs (tools/bench/ring.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from swiftlite.formats.ring_file import RingImage
from swiftlite.vocab.hashing import HashPath, short_md5

from .contents import Contents
from .device import Device, Handoff
from .handoffs import handoffs
from .load import load_contents, save_image

_first_four_bytes = Struct(">I").unpack_from


class Ring:
    """Partitions and devices of one kind of thing: accounts, containers, or a policy's objects.

    `partition_count` is `2 ** part_power`; `replica_count` may be fractional (2.5: half of the
    partitions have a third replica); `devices[id]` is None where an id is unused; `version` is
    the builder's, where the file names it.
    """

    __slots__ = (
        "_digest",
        "_flat",
        "_head",
        "_tail",
        "_whole",
        "_width",
        "contents",
        "devices",
        "format_version",
        "hash_path",
        "next_part_power",
        "part_shift",
        "partition_count",
        "replica_count",
        "table",
        "version",
    )

    def __init__(self, hash_path: HashPath, contents: Contents) -> None:
        table = contents.table
        assert table.partition_count == 1 << (32 - contents.part_shift)
        self.hash_path = hash_path
        self.contents = contents
        self.part_shift = contents.part_shift
        self.devices = tuple(contents.devices)
        self.table = table
        self.version = contents.version
        self.next_part_power = contents.next_part_power
        self.format_version = contents.format_version
        self.partition_count = table.partition_count
        self.replica_count = table.replica_count
        self._flat = table.flat
        self._width = table.row_count
        self._whole = table.short == table.partition_count
        self._digest = hash_path.digest
        # As text, so that a name takes one f-string; bytes that are no UTF-8 survive this.
        self._head = hash_path.prefix.decode("utf-8", "surrogateescape") + "/"
        self._tail = hash_path.suffix.decode("utf-8", "surrogateescape")

    @staticmethod
    def load(path: str, hash_path: HashPath, *, map_dir: str | None = None) -> Ring:
        """The ring in a ring file (version 1 or 2). Raises RingFileError.

        With `map_dir`, the table is shared by all processes that load the same file with it:
        the first one leaves an uncompressed copy there, and the others map that.
        """
        return Ring(hash_path, load_contents(path, map_dir=map_dir))

    def save(self, path: str, *, format_version: int = 1) -> None:
        """Write a ring file, in one step: the old one stays until the new one is safe."""
        save_image(self.image(), path, format_version=format_version)

    @property
    def part_power(self) -> int:
        return 32 - self.part_shift

    @property
    def device_count(self) -> int:
        """Devices in the ring, holes left out."""
        return sum(device is not None for device in self.devices)

    def partition(self, account: str, container: str | None = None, obj: str | None = None) -> int:
        """The partition of an account, a container or an object."""
        number: int = _first_four_bytes(self._digest(account, container, obj))[0]
        return number >> self.part_shift

    def primaries(self, partition: int) -> tuple[Device, ...]:
        """The devices that the ring assigns the partition to, repeats dropped.

        A device's place is its node index: for erasure coding, the fragment that it holds.
        """
        devices = self.devices
        if self._width == 3 and self._whole:
            flat = self._flat
            at = partition * 3
            a, b, c = flat[at], flat[at + 1], flat[at + 2]
            if a != b and b != c and a != c:
                return devices[a], devices[b], devices[c]  # type: ignore[return-value]  # no holes: load checks
        ids = dict.fromkeys(self.table.ids(partition))
        return tuple([devices[number] for number in ids])  # type: ignore[misc]  # no holes: load checks

    def nodes(
        self, account: str, container: str | None = None, obj: str | None = None
    ) -> tuple[int, tuple[Device, ...]]:
        """The partition of a name and its primaries."""
        if obj is None:
            digest = self._digest(account, container)
        else:
            # What HashPath does, without its two calls: a third of the time of a look-up.
            text = f"{self._head}{account}/{container}/{obj}{self._tail}"
            try:
                name = text.encode()
            except UnicodeEncodeError:
                name = text.encode("utf-8", "surrogateescape")
            digest = short_md5(name).digest()
        partition: int = _first_four_bytes(digest)[0] >> self.part_shift
        if self._width == 3 and self._whole:
            flat = self._flat
            at = partition * 3
            a, b, c = flat[at], flat[at + 1], flat[at + 2]
            if a != b and b != c and a != c:
                devices = self.devices
                return partition, (devices[a], devices[b], devices[c])  # type: ignore[return-value]  # no holes
        return partition, self.primaries(partition)

    def handoffs(self, partition: int) -> Iterator[Handoff]:
        """All other devices that hold partitions, in Swift's order, found lazily.

        The first lie in regions, zones and servers without a primary, where there are any.
        """
        return handoffs(self.table, self.part_shift, self.devices, self.contents.breadth, partition)

    def image(self) -> RingImage:
        """The same ring as the formats room writes it."""
        return self.contents.image()

    def __repr__(self) -> str:
        return (
            f"<Ring of {self.partition_count} partitions, {self.replica_count:g} replicas,"
            f" {self.device_count} devices>"
        )
