"""Attributes of an open file, of any size, and those that are not there."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from swiftlite.host.attributes import get_attribute


@pytest.mark.parametrize("size", [0, 1, 128, 2047, 2048, 2049, 3000])
def test_an_attribute_of_any_size(tmp_path: Path, size: int) -> None:
    (tmp_path / "f").touch()
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    value = os.urandom(size)
    os.setxattr(fd, "user.swift.metadata", value)
    assert get_attribute(fd, "user.swift.metadata") == value
    os.close(fd)


def test_what_is_not_there_is_an_error_as_the_os_has_it(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    with pytest.raises(OSError, match="No data") as found:
        get_attribute(fd, "user.none")
    assert found.value.errno == errno.ENODATA
    os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        get_attribute(fd, "user.none")


def test_threads_do_not_read_into_each_others_buffers(tmp_path: Path) -> None:
    wrong: list[bytes] = []

    def read(number: int) -> None:
        path = tmp_path / str(number)
        path.touch()
        fd = os.open(path, os.O_RDONLY)
        value = bytes([number]) * 500
        os.setxattr(fd, "user.a", value)
        wrong.extend(found for _ in range(2000) if (found := get_attribute(fd, "user.a")) != value)
        os.close(fd)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
