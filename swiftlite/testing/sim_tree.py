"""Names of a simulated file system: directories within each other, and what changes them.

Paths are absolute and resolve without symbolic links. Every change is recorded in the journal;
revive() brings the stable version forward after a power cut.
"""

from __future__ import annotations

import errno
import os
import stat
from random import Random

from swiftlite.host.clock import Clock
from swiftlite.testing.sim_nodes import PAGE_BYTES, DirNode, FileNode, Journal, Losing, Node


class Tree:
    """One node's file systems as names. used counts the bytes that files take."""

    def __init__(self, clock: Clock, *, ordered: bool) -> None:
        self._clock = clock
        self._numbers = 1
        self.journal = Journal(ordered=ordered)
        self.root = DirNode(self.number(), stat.S_IFDIR | 0o755, clock.wall())
        self.used = 0

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    # --- looking

    def parent(self, path: str) -> tuple[DirNode, str]:
        """The directory of a path and the last name; for the root itself an empty name."""
        if not path.startswith("/"):
            raise disk_error(errno.ENOENT, path)
        parts = [part for part in path.split("/") if part not in ("", ".")]
        here = self.root
        for part in parts[:-1]:
            following = here.entries.get(part)
            if following is None:
                raise disk_error(errno.ENOENT, path)
            if isinstance(following, FileNode):
                raise disk_error(errno.ENOTDIR, path)
            here = following
        if parts and len(parts[-1].encode("utf-8", "surrogateescape")) > 255:
            raise disk_error(errno.ENAMETOOLONG, path)
        return here, parts[-1] if parts else ""

    def find(self, path: str) -> Node | None:
        parent, name = self.parent(path)
        return parent.entries.get(name) if name else parent

    def node(self, path: str) -> Node:
        found = self.find(path)
        if found is None:
            raise disk_error(errno.ENOENT, path)
        return found

    def file(self, path: str) -> FileNode:
        node = self.node(path)
        if isinstance(node, DirNode):
            raise disk_error(errno.EISDIR, path)
        return node

    def directory(self, path: str) -> DirNode:
        node = self.node(path)
        if isinstance(node, FileNode):
            raise disk_error(errno.ENOTDIR, path)
        return node

    # --- changing

    def unnamed_file(self, mode: int) -> FileNode:
        return FileNode(self.number(), stat.S_IFREG | mode, self._clock.wall())

    def create_file(self, path: str, mode: int) -> FileNode:
        node = self.unnamed_file(mode)
        self.link(node, path)
        return node

    def create_directory(self, path: str, mode: int) -> None:
        parent, name = self.parent(path)
        if not name or name in parent.entries:
            raise disk_error(errno.EEXIST, path)
        node = DirNode(self.number(), stat.S_IFDIR | mode, self._clock.wall())
        parent.entries[name] = node
        self.journal.record((parent, name, node))

    def link(self, node: FileNode, path: str) -> None:
        parent, name = self.parent(path)
        if not name or name in parent.entries:
            raise disk_error(errno.EEXIST, path)
        parent.entries[name] = node
        node.links += 1
        self.journal.record((parent, name, node))

    def unlink(self, path: str) -> None:
        parent, name = self.parent(path)
        node = self.file(path)
        del parent.entries[name]
        self.journal.record((parent, name, None))
        self._lose_link(node)

    def remove_directory(self, path: str) -> None:
        parent, name = self.parent(path)
        if self.directory(path).entries:
            raise disk_error(errno.ENOTEMPTY, path)
        del parent.entries[name]
        self.journal.record((parent, name, None))

    def rename(self, old: str, new: str) -> None:
        source, old_name = self.parent(old)
        target, new_name = self.parent(new)
        node = self.node(old)
        replaced = target.entries.get(new_name)
        if replaced is node:
            return
        _check_replaceable(node, replaced, new)
        if isinstance(node, DirNode) and _contains(node, target):
            raise disk_error(errno.EINVAL, new)
        target.entries[new_name] = node
        del source.entries[old_name]
        self.journal.record((source, old_name, None), (target, new_name, node))
        if isinstance(replaced, FileNode):
            self._lose_link(replaced)

    # --- room

    def charge(self, node: FileNode, size: int, capacity: int) -> None:
        """Take room for a file of that size. Raises ENOSPC."""
        rounded = -(-size // PAGE_BYTES) * PAGE_BYTES
        more = rounded - node.allocated
        if more <= 0:
            return
        if self.used + more > capacity:
            raise disk_error(errno.ENOSPC, "")
        self.used += more
        node.allocated = rounded

    def release(self, node: Node) -> None:
        """Give the room back once a file has neither a name nor a descriptor."""
        if isinstance(node, FileNode) and node.links <= 0 and node.opened <= 0:
            self.used -= node.allocated
            node.allocated = 0

    def _lose_link(self, node: FileNode) -> None:
        node.links -= 1
        self.release(node)

    # --- power

    def revive(self, losing: Losing, chance: Random) -> None:
        """After a power cut: what had reached the medium is all there is."""
        self.journal.fall_back(losing, chance)
        self.used = 0
        self._revive(self.root, losing, chance, set())

    def _revive(self, directory: DirNode, losing: Losing, chance: Random, seen: set[int]) -> None:
        directory.entries = {
            name: node for name, (_, node) in directory.stable.items() if node is not None
        }
        directory.opened = 0
        for node in directory.entries.values():
            if isinstance(node, DirNode):
                self._revive(node, losing, chance, seen)
            elif node.number in seen:
                node.links += 1
            else:
                seen.add(node.number)
                node.fall_back(losing, chance)
                node.links, node.allocated = 1, 0
                self.charge(node, len(node.data), 1 << 62)


def disk_error(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)


def _check_replaceable(node: Node, replaced: Node | None, path: str) -> None:
    if isinstance(replaced, DirNode):
        if isinstance(node, FileNode):
            raise disk_error(errno.EISDIR, path)
        if replaced.entries:
            raise disk_error(errno.ENOTEMPTY, path)
    elif replaced is not None and isinstance(node, DirNode):
        raise disk_error(errno.ENOTDIR, path)


def _contains(directory: DirNode, other: DirNode) -> bool:
    if directory is other:
        return True
    below = (node for node in directory.entries.values() if isinstance(node, DirNode))
    return any(_contains(node, other) for node in below)
