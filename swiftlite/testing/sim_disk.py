"""A disk in memory: host.disk.Disk with the semantics of a power cut, and faults on demand.

Names resolve as on Linux, without symbolic links. Programs see one state; the stable one lies
behind it (sim_nodes) and comes forward when power returns. Use it from one thread.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from swiftlite.host.clock import Clock
from swiftlite.host.disk import PathOrFd, SoleFile
from swiftlite.testing.sim_clock import SimClock
from swiftlite.testing.sim_faults import Faults, PowerCut
from swiftlite.testing.sim_nodes import PAGE_BYTES, DirNode, FileNode, Losing, Node
from swiftlite.testing.sim_tree import Tree, disk_error

Data = bytes | bytearray | memoryview
_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_ATTRIBUTE_MAX = 65_536
_FIRST_FD = 100_000  # far from real descriptors, so that a mix-up fails


@dataclass
class _Handle:
    node: Node
    flags: int
    path: str
    offset: int = 0


@dataclass
class _LockState:
    exclusive: bool = False
    holders: int = 0


class SimDisk:
    """One node's file systems. ordered and capacity as in Journal and statvfs."""

    def __init__(
        self,
        seed: int | str = 0,
        *,
        clock: Clock | None = None,
        pause: Callable[[float], None] | None = None,
        ordered: bool = False,
        capacity: int = 1 << 40,
        attribute_room: int = 1 << 20,
    ) -> None:
        own_clock = SimClock()
        self.clock: Clock = clock or own_clock
        self._pause = pause or (own_clock.advance if clock is None else _no_pause)
        self._chance = random.Random(f"disk {seed}")
        self.names = Tree(self.clock, ordered=ordered)
        self.capacity = capacity
        self.attribute_room = attribute_room  # of all attributes of one file
        self.faults = Faults()
        self.before_call: Callable[[], None] | None = None  # may let other tasks run
        self.mounts: set[str] = {"/"}
        self.broken: dict[str, int] = {}  # paths below which everything fails, with this errno
        self._handles: dict[int, _Handle] = {}
        self._locks: dict[int, _LockState] = {}
        self._next_fd = _FIRST_FD
        self.powered = True

    # --- what tests do to it

    def cut_power(self) -> None:
        """From here on every call raises PowerCut."""
        self.powered = False

    def power_on(self, losing: Losing = "some of it") -> None:
        """Start again from what had reached the medium. No descriptor and no lock survives."""
        self.names.revive(losing, self._chance)
        self._handles.clear()
        self._locks.clear()
        self.faults = Faults()
        self.powered = True

    def rot(self, path: str, offset: int, mask: int = 0x10) -> None:
        """Flip bits of a stored byte."""
        node = self.names.file(path)
        for version in (node.data, node.stable):
            if offset < len(version):
                version[offset] ^= mask

    def rot_attribute(self, path: str, name: str, offset: int, mask: int = 0x10) -> None:
        node = self.names.file(path)
        value = bytearray(node.attributes[name])
        value[offset] ^= mask
        node.attributes[name] = node.stable_attributes[name] = bytes(value)

    def make_unreadable(self, path: str, start: int, stop: int) -> None:
        """Reads that touch these bytes fail with EIO."""
        self.names.file(path).bad.append((start, stop))

    def tree(self, path: str = "/") -> dict[str, bytes]:
        """Every file below path, with its content."""
        found: dict[str, bytes] = {}
        node = self.names.node(path)
        if isinstance(node, FileNode):
            found[path] = bytes(node.data)
        else:
            for name in sorted(node.entries):
                found.update(self.tree(f"{path.rstrip('/')}/{name}"))
        return found

    def open_descriptors(self) -> list[str]:
        """Paths of what is open: leaks, at the end of a test."""
        return [handle.path for handle in self._handles.values()]

    # --- descriptors

    def open(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        with self._call("open", path):
            node = self.names.find(path)
            if node is None:
                if not flags & os.O_CREAT:
                    raise disk_error(errno.ENOENT, path)
                node = self.names.create_file(path, mode)
            elif flags & os.O_CREAT and flags & os.O_EXCL:
                raise disk_error(errno.EEXIST, path)
            elif isinstance(node, DirNode) and flags & _ACCESS:
                raise disk_error(errno.EISDIR, path)
            elif isinstance(node, FileNode) and flags & os.O_DIRECTORY:
                raise disk_error(errno.ENOTDIR, path)
            elif isinstance(node, FileNode) and flags & os.O_TRUNC:
                node.truncate(0)
            return self._handle(node, flags, path)

    def open_unnamed(self, directory: str, mode: int = 0o666) -> int:
        with self._call("open_unnamed", directory):
            self.names.directory(directory)
            node = self.names.unnamed_file(mode)
            return self._handle(node, os.O_WRONLY, f"{directory}/(unnamed)")

    def link_unnamed(self, fd: int, path: str) -> None:
        with self._call("link_unnamed", path):
            self.names.link(self._open_file(fd), path)

    def close(self, fd: int) -> None:
        with self._call("close", self._path_of(fd)):
            handle = self._handles.pop(fd, None)
            if handle is None:
                raise disk_error(errno.EBADF, str(fd))
            handle.node.opened -= 1
            self.names.release(handle.node)

    # --- bytes

    def read(self, fd: int, n: int) -> bytes:
        with self._call("read", self._path_of(fd)):
            handle = self._readable(fd)
            found = self._span(handle, handle.offset, n)
            handle.offset += len(found)
            return found

    def read_into(self, fd: int, view: memoryview) -> int:
        found = self.read(fd, len(view))
        view[: len(found)] = found
        return len(found)

    def pread(self, fd: int, n: int, offset: int) -> bytes:
        with self._call("pread", self._path_of(fd)):
            return self._span(self._readable(fd), offset, n)

    def preadv_into(self, fd: int, view: memoryview, offset: int) -> int:
        found = self.pread(fd, len(view), offset)
        view[: len(found)] = found
        return len(found)

    def write(self, fd: int, data: Data) -> int:
        with self._call("write", self._path_of(fd)):
            handle = self._writable(fd)
            node = handle.node
            assert isinstance(node, FileNode)
            offset = len(node.data) if handle.flags & os.O_APPEND else handle.offset
            self.names.charge(node, offset + len(data), self.capacity)
            node.write(offset, data)
            node.mtime = self.clock.wall()
            handle.offset = offset + len(data)
            return len(data)

    def pwrite(self, fd: int, data: Data, offset: int) -> int:
        with self._call("pwrite", self._path_of(fd)):
            node = self._writable(fd).node
            assert isinstance(node, FileNode)
            self.names.charge(node, offset + len(data), self.capacity)
            node.write(offset, data)
            node.mtime = self.clock.wall()
            return len(data)

    def truncate(self, fd: int, size: int) -> None:
        with self._call("truncate", self._path_of(fd)):
            node = self._writable(fd).node
            assert isinstance(node, FileNode)
            node.truncate(size)

    def preallocate(self, fd: int, size: int) -> None:
        with self._call("preallocate", self._path_of(fd)):
            node = self._writable(fd).node
            assert isinstance(node, FileNode)
            self.names.charge(node, size, self.capacity)

    def fsync(self, fd: int) -> None:
        node = self._get(fd).node
        try:
            with self._call("fsync", self._path_of(fd)):
                self.names.journal.sync(node if isinstance(node, DirNode) else None)
                if isinstance(node, FileNode):
                    node.sync()
        except OSError:
            if isinstance(node, FileNode):
                node.fail_to_sync()
            raise

    def fsync_dir(self, path: str) -> None:
        with self._call("fsync_dir", path):
            self.names.journal.sync(self.names.directory(path))

    def keeps_order(self, path: str) -> bool:
        with self._call("stat", path):
            self.names.node(path)
            return self.names.journal.ordered

    def write_out(self, fd: int, *, wait: bool = True) -> None:
        node = self._get(fd).node
        assert isinstance(node, FileNode)
        try:
            with self._call("write_out", self._path_of(fd)):
                if wait:
                    self.names.journal.record_file(node)
        except OSError:
            node.fail_to_sync()
            raise

    def bypass_cache(self, fd: int, wanted: bool) -> bool:
        return False

    def drop_cache(self, fd: int, offset: int, length: int) -> None:
        with self._call("drop_cache", self._path_of(fd)):
            self._get(fd)

    # --- names

    def rename(self, old: str, new: str) -> None:
        with self._call("rename", f"{old} -> {new}"):
            self.names.rename(old, new)

    def link(self, existing: str, new: str) -> None:
        with self._call("link", f"{existing} -> {new}"):
            node = self.names.node(existing)
            if isinstance(node, DirNode):
                raise disk_error(errno.EPERM, existing)
            self.names.link(node, new)

    def unlink(self, path: str) -> None:
        with self._call("unlink", path):
            self.names.unlink(path)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        with self._call("mkdir", path):
            self.names.create_directory(path, mode)

    def makedirs(self, path: str, mode: int = 0o777) -> None:
        parts = [part for part in path.split("/") if part]
        for count in range(1, len(parts) + 1):
            try:
                self.mkdir("/" + "/".join(parts[:count]), mode)
            except FileExistsError:
                if count == len(parts) and isinstance(self.names.node(path), FileNode):
                    raise

    def rmdir(self, path: str) -> None:
        with self._call("rmdir", path):
            self.names.remove_directory(path)

    def listdir(self, path: str) -> list[str]:
        with self._call("listdir", path):
            names = list(self.names.directory(path).entries)
            self._chance.shuffle(names)
            return names

    def enter(self, above: int, name: str, flags: int = 0) -> tuple[int, list[str]]:
        path = f"{self._path_of(above)}/{name}"
        directory = self.open(path, flags | os.O_DIRECTORY)
        try:
            return directory, self.listdir(path)
        except BaseException:
            self.close(directory)
            raise

    def sole_file(self, above: int, name: str, attribute: str, flags: int = 0) -> SoleFile | None:
        path = f"{self._path_of(above)}/{name}"
        names = self.listdir(path)
        if len(names) != 1:
            return None
        fd = self.open(f"{path}/{names[0]}", flags)
        try:
            return names[0], self.getxattr(fd, attribute), self.fstat(fd).st_size
        finally:
            self.close(fd)

    def exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    # --- facts

    def stat(self, path: str) -> os.stat_result:
        with self._call("stat", path):
            return _stat_of(self.names.node(path))

    def lstat(self, path: str) -> os.stat_result:
        return self.stat(path)

    def fstat(self, fd: int) -> os.stat_result:
        with self._call("fstat", self._path_of(fd)):
            return _stat_of(self._get(fd).node)

    def size(self, fd: int) -> int:
        with self._call("size", self._path_of(fd)):
            return _stat_of(self._get(fd).node).st_size

    def statvfs(self, path: PathOrFd) -> os.statvfs_result:
        with self._call("statvfs", self._path_of(path)):
            self._target(path)
            blocks = self.capacity // PAGE_BYTES
            free = max(0, self.capacity - self.names.used) // PAGE_BYTES
            facts = (PAGE_BYTES, PAGE_BYTES, blocks, free, free, 1 << 20, 1 << 20, 1 << 20, 0, 255)
            return os.statvfs_result(facts)

    def utime(self, path: PathOrFd, seconds: float) -> None:
        with self._call("utime", self._path_of(path)):
            self._target(path).mtime = seconds

    def is_mount(self, path: str) -> bool:
        with self._call("is_mount", path):
            try:
                self.names.directory(path)
            except (FileNotFoundError, NotADirectoryError):
                return False
            return (path.rstrip("/") or "/") in self.mounts

    # --- attributes

    def getxattr(self, target: PathOrFd, name: str) -> bytes:
        with self._call("getxattr", self._path_of(target)):
            attributes = self._target(target).attributes
            if name not in attributes:
                raise disk_error(errno.ENODATA, name)
            return attributes[name]

    def setxattr(self, target: PathOrFd, name: str, value: bytes) -> None:
        with self._call("setxattr", self._path_of(target)):
            node = self._target(target)
            if len(value) > _ATTRIBUTE_MAX:
                raise disk_error(errno.E2BIG, name)
            others = sum(len(k) + len(v) for k, v in node.attributes.items() if k != name)
            if others + len(name) + len(value) > self.attribute_room:
                raise disk_error(errno.ENOSPC, name)
            _set_attribute(node, name, bytes(value))

    def removexattr(self, target: PathOrFd, name: str) -> None:
        with self._call("removexattr", self._path_of(target)):
            node = self._target(target)
            if name not in node.attributes:
                raise disk_error(errno.ENODATA, name)
            _set_attribute(node, name, None)

    def listxattr(self, target: PathOrFd) -> list[str]:
        with self._call("listxattr", self._path_of(target)):
            return list(self._target(target).attributes)

    # --- locks

    @contextmanager
    def flock(self, path: str, timeout: float | None, shared: bool = False) -> Iterator[int]:
        with self._call("flock", path):
            node = self.names.find(path) or self.names.create_file(path, 0o666)
        fd = self._handle(node, os.O_RDWR, path)
        try:
            state = self._acquire(node, path, timeout, shared)
            try:
                yield fd
            finally:
                state.holders -= 1
                state.exclusive = False
        finally:
            if fd in self._handles:  # power may have gone meanwhile
                self._handles.pop(fd).node.opened -= 1

    def _acquire(self, node: Node, path: str, timeout: float | None, shared: bool) -> _LockState:
        state = self._locks.setdefault(node.number, _LockState())
        end = None if timeout is None else self.clock.monotonic() + timeout
        while state.exclusive or (state.holders and not shared):
            if end is not None and self.clock.monotonic() >= end:
                raise TimeoutError(errno.ETIMEDOUT, "lock is held elsewhere", path)
            self._pause(0.01)
        state.holders += 1
        state.exclusive = not shared
        return state

    # --- inside

    @contextmanager
    def _call(self, name: str, path: str) -> Iterator[None]:
        """Around each call: power, broken devices, planned faults."""
        if self.before_call is not None:
            self.before_call()
        if not self.powered:
            raise PowerCut("the power is off")
        try:
            for prefix, code in self.broken.items():
                if path == prefix or path.startswith(prefix + "/"):
                    raise disk_error(code, path)
            self.faults.before(name, path)
            yield
            self.faults.after(name)
        except PowerCut:
            self.powered = False
            raise

    def _handle(self, node: Node, flags: int, path: str) -> int:
        fd, self._next_fd = self._next_fd, self._next_fd + 1
        self._handles[fd] = _Handle(node, flags, path)
        node.opened += 1
        return fd

    def _get(self, fd: int) -> _Handle:
        if not self.powered:
            raise PowerCut("the power is off")
        if fd not in self._handles:
            raise disk_error(errno.EBADF, str(fd))
        return self._handles[fd]

    def _readable(self, fd: int) -> _Handle:
        handle = self._get(fd)
        if isinstance(handle.node, DirNode):
            raise disk_error(errno.EISDIR, handle.path)
        if handle.flags & _ACCESS == os.O_WRONLY:
            raise disk_error(errno.EBADF, handle.path)
        return handle

    def _writable(self, fd: int) -> _Handle:
        handle = self._get(fd)
        if isinstance(handle.node, DirNode) or handle.flags & _ACCESS == os.O_RDONLY:
            raise disk_error(errno.EBADF, handle.path)
        return handle

    def _open_file(self, fd: int) -> FileNode:
        node = self._get(fd).node
        assert isinstance(node, FileNode)
        return node

    def _span(self, handle: _Handle, offset: int, n: int) -> bytes:
        node = handle.node
        assert isinstance(node, FileNode)
        stop = min(offset + n, len(node.data))
        if any(start < stop and offset < end for start, end in node.bad):
            raise disk_error(errno.EIO, handle.path)
        return bytes(node.data[offset:stop])

    def _path_of(self, target: PathOrFd) -> str:
        if isinstance(target, str):
            return target
        handle = self._handles.get(target)
        return handle.path if handle else f"descriptor {target}"

    def _target(self, target: PathOrFd) -> Node:
        return self.names.node(target) if isinstance(target, str) else self._get(target).node


def _no_pause(seconds: float) -> None:
    raise AssertionError("a lock was waited for, and this disk was given no way to wait")


def _set_attribute(node: Node, name: str, value: bytes | None) -> None:
    if isinstance(node, FileNode):
        node.set_attribute(name, value)
    elif value is None:
        del node.attributes[name]
    else:
        node.attributes[name] = value


def _stat_of(node: Node) -> os.stat_result:
    size = len(node.data) if isinstance(node, FileNode) else PAGE_BYTES
    links = node.links if isinstance(node, FileNode) else 2
    moment = int(node.mtime)
    fields = (node.mode, node.number, 1, links, 0, 0, size, moment, moment, moment)
    floats = {
        "st_atime": node.mtime,
        "st_mtime": node.mtime,
        "st_ctime": node.mtime,
        "st_mtime_ns": round(node.mtime * 1e9),
        "st_blksize": PAGE_BYTES,
        "st_blocks": -(-size // 512),
    }
    return os.stat_result(fields, floats)
