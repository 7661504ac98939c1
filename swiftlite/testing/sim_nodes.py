"""What a simulated file system is made of: files and directories, each in two versions.

One version is what programs see, the other what is on stable storage. Syncing copies from the
first to the second; a power cut goes the other way, keeping of what was not synced as much as a
seed decides. Pages of 4 KiB and attributes survive one by one, sectors of 512 bytes may tear a
page, and a failed sync forgets which pages were dirty, as Linux does.
"""

from __future__ import annotations

from random import Random
from typing import Literal, NamedTuple, TypeAlias

PAGE_BYTES = 4096
SECTOR_BYTES = 512
Losing: TypeAlias = Literal["everything unsynced", "some of it", "nothing"]


class FileNode:
    """A regular file."""

    def __init__(self, number: int, mode: int, mtime: float) -> None:
        self.number = number
        self.mode = mode
        self.mtime = mtime
        self.links = 0
        self.opened = 0
        self.allocated = 0  # bytes charged to the device
        self.data = bytearray()
        self.stable = bytearray()
        self.dirty: set[int] = set()  # page numbers
        self.size_dirty = False
        self.attributes: dict[str, bytes] = {}
        self.stable_attributes: dict[str, bytes] = {}
        self.attributes_dirty: set[str] = set()
        self.bad: list[tuple[int, int]] = []  # spans that the medium cannot read

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        stop = offset + len(data)
        if stop > len(self.data):
            self.data.extend(bytes(stop - len(self.data)))
            self.size_dirty = True
        self.data[offset:stop] = data
        self.dirty.update(range(offset // PAGE_BYTES, -(-stop // PAGE_BYTES)))

    def truncate(self, size: int) -> None:
        old = len(self.data)
        if size < old:
            del self.data[size:]
        else:
            self.data.extend(bytes(size - old))
        self.size_dirty = self.size_dirty or size != old
        if size % PAGE_BYTES:
            self.dirty.add(size // PAGE_BYTES)

    def set_attribute(self, name: str, value: bytes | None) -> None:
        if value is None:
            del self.attributes[name]
        else:
            self.attributes[name] = value
        self.attributes_dirty.add(name)

    def sync(self) -> None:
        for page in self.dirty:
            self._settle_page(page, len(self.data))
        if self.size_dirty or len(self.stable) != len(self.data):
            self._resize_stable(len(self.data))
        self._settle_attributes(self.attributes_dirty)
        self._all_clean()

    def settle(self, data: bytes, attributes: dict[str, bytes]) -> None:
        """The journal has come to where the file was written out, in this state."""
        self.stable = bytearray(data)
        self.stable_attributes = dict(attributes)
        if self.data == data and self.attributes == attributes:
            self._all_clean()

    def fail_to_sync(self) -> None:
        """The kernel reports an error once, and then takes the pages for clean."""
        self._all_clean()

    def fall_back(self, losing: Losing, chance: Random) -> None:
        """After a power cut: what is on the medium becomes what programs see."""
        if losing == "nothing":
            self.sync()
        elif losing == "some of it":
            if self.size_dirty:
                sizes = (len(self.stable), len(self.data))
                low, high = min(sizes), max(sizes)
                size = chance.choice((low, high, chance.randint(low, high)))
                self._resize_stable(size)
            for page in sorted(self.dirty):
                if chance.random() < 0.5:
                    self._settle_page(page, len(self.stable), chance)
            lucky = {name for name in sorted(self.attributes_dirty) if chance.random() < 0.5}
            self._settle_attributes(lucky)
        self.data = bytearray(self.stable)
        self.attributes = dict(self.stable_attributes)
        self.opened = 0
        self._all_clean()

    def _settle_page(self, page: int, size: int, tear: Random | None = None) -> None:
        start = page * PAGE_BYTES
        stop = min(start + PAGE_BYTES, len(self.data), size)
        if start >= stop:
            return
        if len(self.stable) < stop:
            self.stable.extend(bytes(stop - len(self.stable)))
        if tear is None or tear.random() < 0.7:
            self.stable[start:stop] = self.data[start:stop]
            return
        for sector in range(start, stop, SECTOR_BYTES):
            if tear.random() < 0.5:
                end = min(sector + SECTOR_BYTES, stop)
                self.stable[sector:end] = self.data[sector:end]

    def _resize_stable(self, size: int) -> None:
        if size < len(self.stable):
            del self.stable[size:]
        else:
            self.stable.extend(bytes(size - len(self.stable)))

    def _settle_attributes(self, names: set[str]) -> None:
        for name in names:
            if name in self.attributes:
                self.stable_attributes[name] = self.attributes[name]
            else:
                self.stable_attributes.pop(name, None)

    def _all_clean(self) -> None:
        self.dirty.clear()
        self.size_dirty = False
        self.attributes_dirty.clear()


class DirNode:
    """A directory. stable maps names to (sequence number of the change, node or None)."""

    def __init__(self, number: int, mode: int, mtime: float) -> None:
        self.number = number
        self.mode = mode
        self.mtime = mtime
        self.links = 0
        self.opened = 0
        self.entries: dict[str, Node] = {}
        self.stable: dict[str, tuple[int, Node | None]] = {}
        self.attributes: dict[str, bytes] = {}

    def settle(self, name: str, sequence: int, node: Node | None) -> None:
        """Make a change stable unless a later one of the same name is stable already."""
        if name not in self.stable or self.stable[name][0] < sequence:
            self.stable[name] = (sequence, node)


Node: TypeAlias = FileNode | DirNode
Change: TypeAlias = tuple[DirNode, str, Node | None]


class Content(NamedTuple):
    """A file as it was when its bytes had been written out."""

    node: FileNode
    data: bytes
    attributes: dict[str, bytes]


class Journal:
    """Changes of directories that are not on stable storage yet, in order.

    A rename is one change of two names: it survives whole or not at all. Two kinds of file
    system: in an ordered one any sync makes all earlier changes stable (ext4 and XFS do); in an
    unordered one, the pessimist's, a change waits for a sync of its own directory.
    """

    def __init__(self, *, ordered: bool) -> None:
        self.ordered = ordered
        self._waiting: list[tuple[int, tuple[Change, ...] | Content]] = []
        self._sequence = 0

    def record(self, *changes: Change) -> None:
        self._sequence += 1
        self._waiting.append((self._sequence, changes))

    def record_file(self, node: FileNode) -> None:
        """Bytes were written out: an ordered journal keeps them ahead of all later changes."""
        if self.ordered:
            self._sequence += 1
            content = Content(node, bytes(node.data), dict(node.attributes))
            self._waiting.append((self._sequence, content))

    def sync(self, directory: DirNode | None) -> None:
        """A sync of a directory, or (None) of a file."""
        if directory is None and not self.ordered:
            return
        kept = []
        for sequence, changes in self._waiting:
            touched = not isinstance(changes, Content) and any(
                change[0] is directory for change in changes
            )
            if self.ordered or touched:
                _settle(sequence, changes)
            else:
                kept.append((sequence, changes))
        self._waiting = kept

    def fall_back(self, losing: Losing, chance: Random) -> None:
        """After a power cut: decide what of the waiting changes had reached the medium."""
        waiting, self._waiting = self._waiting, []
        if losing == "everything unsynced":
            return
        if losing == "some of it":
            if self.ordered:
                waiting = waiting[: chance.randint(0, len(waiting))]
            else:
                waiting = [change for change in waiting if chance.random() < 0.5]
        for sequence, changes in waiting:
            _settle(sequence, changes)


def _settle(sequence: int, changes: tuple[Change, ...] | Content) -> None:
    if isinstance(changes, Content):
        changes.node.settle(changes.data, changes.attributes)
        return
    for directory, name, node in changes:
        directory.settle(name, sequence, node)
