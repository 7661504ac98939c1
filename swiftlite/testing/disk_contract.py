"""What every host.disk.Disk promises; subclass it with a disk and an empty folder.

The operating system's disk and the simulated one both pass, so that what is proved on the second
is true of the first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from swiftlite.host.disk import Disk


def fails_with(code: int, call: Callable[..., object], *arguments: object) -> None:
    """Assert that a call raises OSError with this errno."""
    found: OSError | None = None
    try:
        call(*arguments)
    except OSError as error:
        found = error
    assert found is not None, f"no error, expected {errno.errorcode[code]}"
    assert found.errno == code, f"{found!r}, expected {errno.errorcode[code]}"


class DiskContract:
    """Test methods take `disk` and `root`, an existing directory; a subclass provides both."""

    def write_file(self, disk: Disk, path: str, data: bytes) -> None:
        fd = disk.open(path, os.O_WRONLY | os.O_CREAT)
        disk.write(fd, data)
        disk.close(fd)

    def read_file(self, disk: Disk, path: str) -> bytes:
        fd = disk.open(path)
        try:
            return disk.read(fd, 1 << 20)
        finally:
            disk.close(fd)

    def test_what_is_written_is_read(self, disk: Disk, root: str) -> None:
        fd = disk.open(f"{root}/f", os.O_RDWR | os.O_CREAT)
        assert disk.write(fd, b"hello ") == 6
        assert disk.write(fd, memoryview(bytearray(b"world"))) == 5
        assert disk.pwrite(fd, b"J", 0) == 1
        assert disk.pread(fd, 100, 0) == b"Jello world"
        assert disk.pread(fd, 3, 9) == b"ld"
        assert disk.pread(fd, 3, 50) == b""
        view = memoryview(bytearray(4))
        assert disk.preadv_into(fd, view, 6) == 4
        assert bytes(view) == b"worl"
        assert disk.read(fd, 10) == b""
        disk.truncate(fd, 5)
        assert disk.fstat(fd).st_size == disk.size(fd) == 5
        disk.fsync(fd)
        disk.drop_cache(fd, 0, 5)
        disk.close(fd)
        fails_with(errno.EBADF, disk.read, fd, 1)
        fd = disk.open(f"{root}/f")
        assert disk.read(fd, 2) == b"Je"
        view = memoryview(bytearray(10))
        assert disk.read_into(fd, view) == 3
        assert bytes(view[:3]) == b"llo"
        fails_with(errno.EBADF, disk.write, fd, b"x")
        disk.close(fd)

    def test_open_keeps_to_its_flags(self, disk: Disk, root: str) -> None:
        fails_with(errno.ENOENT, disk.open, f"{root}/f", os.O_RDONLY)
        fails_with(errno.ENOENT, disk.open, f"{root}/no/f", os.O_WRONLY | os.O_CREAT)
        self.write_file(disk, f"{root}/f", b"12345")
        fails_with(errno.EEXIST, disk.open, f"{root}/f", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        fails_with(errno.ENOTDIR, disk.open, f"{root}/f/g", os.O_RDONLY)
        fails_with(errno.ENOTDIR, disk.open, f"{root}/f", os.O_RDONLY | os.O_DIRECTORY)
        fails_with(errno.EISDIR, disk.open, root, os.O_WRONLY)
        fd = disk.open(f"{root}/f", os.O_WRONLY | os.O_APPEND)
        disk.write(fd, b"6")
        disk.close(fd)
        assert self.read_file(disk, f"{root}/f") == b"123456"
        disk.close(disk.open(f"{root}/f", os.O_WRONLY | os.O_TRUNC))
        assert self.read_file(disk, f"{root}/f") == b""

    def test_writing_beyond_the_end_leaves_zeros(self, disk: Disk, root: str) -> None:
        fd = disk.open(f"{root}/f", os.O_RDWR | os.O_CREAT)
        disk.pwrite(fd, b"x", 5)
        disk.truncate(fd, 8)
        assert disk.pread(fd, 100, 0) == b"\0\0\0\0\0x\0\0"
        disk.close(fd)

    def test_preallocation_does_not_show(self, disk: Disk, root: str) -> None:
        fd = disk.open(f"{root}/f", os.O_RDWR | os.O_CREAT)
        disk.preallocate(fd, 100_000)
        assert disk.fstat(fd).st_size == 0
        disk.close(fd)

    def test_an_unnamed_file_gets_a_name(self, disk: Disk, root: str) -> None:
        fd = disk.open_unnamed(root)
        disk.write(fd, b"body")
        disk.setxattr(fd, "user.swift.metadata", b"m")
        assert disk.listdir(root) == []
        disk.link_unnamed(fd, f"{root}/f")
        assert disk.listdir(root) == ["f"]
        self.write_file(disk, f"{root}/g", b"other")
        fails_with(errno.EEXIST, disk.link_unnamed, fd, f"{root}/g")
        fails_with(errno.ENOENT, disk.link_unnamed, fd, f"{root}/no/f")
        disk.close(fd)
        assert self.read_file(disk, f"{root}/f") == b"body"
        assert self.read_file(disk, f"{root}/g") == b"other"
        assert disk.getxattr(f"{root}/f", "user.swift.metadata") == b"m"
        fails_with(errno.ENOENT, disk.open_unnamed, f"{root}/no")

    def test_an_unnamed_file_without_a_link_is_gone(self, disk: Disk, root: str) -> None:
        fd = disk.open_unnamed(root)
        disk.write(fd, b"body")
        disk.close(fd)
        assert disk.listdir(root) == []

    def test_rename_replaces(self, disk: Disk, root: str) -> None:
        self.write_file(disk, f"{root}/a", b"new")
        self.write_file(disk, f"{root}/b", b"old")
        disk.rename(f"{root}/a", f"{root}/b")
        assert disk.listdir(root) == ["b"]
        assert self.read_file(disk, f"{root}/b") == b"new"
        fails_with(errno.ENOENT, disk.rename, f"{root}/a", f"{root}/c")
        disk.mkdir(f"{root}/d")
        disk.mkdir(f"{root}/d/e")
        fails_with(errno.EISDIR, disk.rename, f"{root}/b", f"{root}/d")
        fails_with(errno.ENOTDIR, disk.rename, f"{root}/d", f"{root}/b")
        fails_with(errno.EINVAL, disk.rename, f"{root}/d", f"{root}/d/e/f")
        disk.mkdir(f"{root}/g")
        fails_with(errno.ENOTEMPTY, disk.rename, f"{root}/g", f"{root}/d")
        disk.rename(f"{root}/d", f"{root}/g")
        assert sorted(disk.listdir(root)) == ["b", "g"]
        assert disk.listdir(f"{root}/g") == ["e"]

    def test_links_share_a_file(self, disk: Disk, root: str) -> None:
        self.write_file(disk, f"{root}/a", b"1")
        disk.link(f"{root}/a", f"{root}/b")
        fails_with(errno.EEXIST, disk.link, f"{root}/a", f"{root}/b")
        fails_with(errno.ENOENT, disk.link, f"{root}/c", f"{root}/d")
        assert disk.stat(f"{root}/a").st_nlink == 2
        assert disk.stat(f"{root}/a").st_ino == disk.stat(f"{root}/b").st_ino
        disk.unlink(f"{root}/a")
        assert self.read_file(disk, f"{root}/b") == b"1"

    def test_an_unlinked_file_stays_readable_while_open(self, disk: Disk, root: str) -> None:
        self.write_file(disk, f"{root}/a", b"still here")
        fd = disk.open(f"{root}/a")
        disk.unlink(f"{root}/a")
        fails_with(errno.ENOENT, disk.unlink, f"{root}/a")
        assert disk.read(fd, 100) == b"still here"
        disk.close(fd)

    def test_directories(self, disk: Disk, root: str) -> None:
        disk.makedirs(f"{root}/a/b/c")
        disk.makedirs(f"{root}/a/b/c")
        disk.makedirs(f"{root}/a/b/d")
        fails_with(errno.EEXIST, disk.mkdir, f"{root}/a")
        fails_with(errno.ENOENT, disk.mkdir, f"{root}/x/y")
        assert sorted(disk.listdir(f"{root}/a/b")) == ["c", "d"]
        fails_with(errno.ENOTEMPTY, disk.rmdir, f"{root}/a/b")
        fails_with(errno.ENOENT, disk.rmdir, f"{root}/x")
        fails_with(errno.EISDIR, disk.unlink, f"{root}/a/b/c")
        disk.rmdir(f"{root}/a/b/c")
        assert disk.listdir(f"{root}/a/b") == ["d"]
        self.write_file(disk, f"{root}/f", b"")
        fails_with(errno.ENOTDIR, disk.listdir, f"{root}/f")
        fails_with(errno.ENOTDIR, disk.rmdir, f"{root}/f")
        fails_with(errno.ENOENT, disk.listdir, f"{root}/x")
        disk.fsync_dir(f"{root}/a")
        fails_with(errno.ENOENT, disk.fsync_dir, f"{root}/x")
        fails_with(errno.ENOTDIR, disk.fsync_dir, f"{root}/f")

    def test_entering_a_directory(self, disk: Disk, root: str) -> None:
        kinds: tuple[list[str], ...] = (
            [],
            ["a"],
            ["é", "\udcff", "n" * 255],
            [str(10**n) for n in range(60)],
            [f"{number:032x}" for number in range(200)],  # more than fit into one answer
        )
        above = disk.open(root, os.O_DIRECTORY)
        for number, names in enumerate(kinds):
            for name in names:
                disk.makedirs(f"{root}/{number}/{name}")
            disk.makedirs(f"{root}/{number}")
            directory, found = disk.enter(above, str(number))
            assert sorted(found) == sorted(names)
            disk.close(directory)
        self.write_file(disk, f"{root}/f", b"")
        fails_with(errno.ENOTDIR, disk.enter, above, "f")
        fails_with(errno.ENOENT, disk.enter, above, "g")
        directory, _ = disk.enter(above, "3")
        directory_below, found = disk.enter(directory, "100")
        assert found == []
        for opened in (directory_below, directory, above):
            disk.close(opened)

    def test_a_file_that_is_alone(self, disk: Disk, root: str) -> None:
        for name in ("one", "two", "none", "inner/one", "bare", "é", "long"):
            disk.makedirs(f"{root}/{name}")
        long = "n" * 255
        for path in ("one/f.data", "two/f.data", "two/g", "é/\udcff", f"long/{long}"):
            self.write_file(disk, f"{root}/{path}", b"12345")
            disk.setxattr(f"{root}/{path}", "user.a", b"value")
        self.write_file(disk, f"{root}/bare/f", b"")
        self.write_file(disk, f"{root}/file", b"")
        above = disk.open(root, os.O_DIRECTORY)
        assert disk.sole_file(above, "one", "user.a") == ("f.data", b"value", 5)
        assert disk.sole_file(above, "é", "user.a") == ("\udcff", b"value", 5)
        assert disk.sole_file(above, "long", "user.a") == (long, b"value", 5)
        assert disk.sole_file(above, "two", "user.a") is None
        assert disk.sole_file(above, "none", "user.a") is None
        fails_with(errno.ENODATA, disk.sole_file, above, "inner", "user.a")
        fails_with(errno.ENODATA, disk.sole_file, above, "bare", "user.a")
        fails_with(errno.ENOENT, disk.sole_file, above, "absent", "user.a")
        fails_with(errno.ENOTDIR, disk.sole_file, above, "file", "user.a")
        disk.close(above)

    def test_writing_out_keeps_the_bytes(self, disk: Disk, root: str) -> None:
        path = f"{root}/f"
        self.write_file(disk, path, b"abc")
        fd = disk.open(path, os.O_RDWR)
        disk.write_out(fd, wait=False)
        disk.write_out(fd)
        assert disk.pread(fd, 9, 0) == b"abc"
        disk.close(fd)

    def test_order_is_a_fact_of_the_file_system(self, disk: Disk, root: str) -> None:
        disk.mkdir(f"{root}/a")
        assert disk.keeps_order(f"{root}/a") is disk.keeps_order(root)
        fails_with(errno.ENOENT, disk.keeps_order, f"{root}/x")

    def test_existence(self, disk: Disk, root: str) -> None:
        self.write_file(disk, f"{root}/f", b"")
        assert disk.exists(root)
        assert disk.exists(f"{root}/f")
        assert not disk.exists(f"{root}/g")
        assert not disk.exists(f"{root}/f/g")
        assert not disk.is_mount(root)
        assert not disk.is_mount(f"{root}/g")
        assert disk.is_mount("/")

    def test_facts(self, disk: Disk, root: str) -> None:
        self.write_file(disk, f"{root}/f", b"12345")
        disk.utime(f"{root}/f", 1_600_000_000.5)
        for facts in (disk.stat(f"{root}/f"), disk.lstat(f"{root}/f")):
            assert facts.st_size == 5
            assert facts.st_mtime == 1_600_000_000.5
        room = disk.statvfs(root)
        assert 0 < room.f_bavail <= room.f_blocks
        assert room.f_frsize > 0
        fails_with(errno.ENOENT, disk.stat, f"{root}/g")

    def test_attributes(self, disk: Disk, root: str) -> None:
        self.write_file(disk, f"{root}/f", b"")
        fd = disk.open(f"{root}/f", os.O_RDWR)
        disk.setxattr(fd, "user.a", b"1")
        disk.setxattr(f"{root}/f", "user.b", b"")
        disk.setxattr(fd, "user.a", b"\xff\x00")
        assert disk.getxattr(f"{root}/f", "user.a") == b"\xff\x00"
        assert disk.getxattr(fd, "user.b") == b""
        assert sorted(disk.listxattr(fd)) == ["user.a", "user.b"]
        disk.removexattr(fd, "user.a")
        fails_with(errno.ENODATA, disk.getxattr, fd, "user.a")
        fails_with(errno.ENODATA, disk.removexattr, fd, "user.a")
        fails_with(errno.ENOENT, disk.getxattr, f"{root}/g", "user.a")
        fails_with(errno.E2BIG, disk.setxattr, fd, "user.big", bytes(65_537))
        disk.close(fd)

    def test_locks_exclude(self, disk: Disk, root: str) -> None:
        with disk.flock(f"{root}/.lock", 1.0):
            assert disk.exists(f"{root}/.lock")
            fails_with(errno.ETIMEDOUT, self._lock, disk, f"{root}/.lock", False)
            with disk.flock(f"{root}/.other", 1.0):
                pass
        with disk.flock(f"{root}/.lock", 0.0):
            pass
        fails_with(errno.ENOENT, self._lock, disk, f"{root}/no/.lock", False)

    def test_locks_are_shared(self, disk: Disk, root: str) -> None:
        with disk.flock(f"{root}/.lock", 1.0, True):
            self._lock(disk, f"{root}/.lock", True)
            fails_with(errno.ETIMEDOUT, self._lock, disk, f"{root}/.lock", False)

    def test_a_directory_may_be_locked(self, disk: Disk, root: str) -> None:
        with disk.flock(root, 1.0):
            fails_with(errno.ETIMEDOUT, self._lock, disk, root, False)

    def test_a_lock_is_let_go_by_an_exception(self, disk: Disk, root: str) -> None:
        try:
            with disk.flock(f"{root}/.lock", 1.0):
                raise KeyError
        except KeyError:
            self._lock(disk, f"{root}/.lock", False)

    def _lock(self, disk: Disk, path: str, shared: bool) -> None:
        with disk.flock(path, 0.02, shared):
            pass
