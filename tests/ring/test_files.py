"""Replacing a file: whole or not at all, whatever fails on the way."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.ring import RingFileError
from swiftlite.ring.files import read_file, replace_file


def test_the_new_bytes_are_there_with_their_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(str(path), [b"one", memoryview(b"two")])
    assert path.read_bytes() == b"onetwo"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["fsync", "fchmod", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(RingFileError, match="No space left"):
        replace_file(str(path), [b"new"])
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_bytes_that_cannot_be_made_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise TypeError("not a value for this file")

    with pytest.raises(TypeError):
        replace_file(str(path), pieces())
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_real_full_file_system_is_one_clear_error() -> None:
    with pytest.raises(RingFileError, match="cannot be written"):
        replace_file("/dev/full/x", [b"new"])


def test_a_folder_cannot_be_read_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(RingFileError, match="directory"):
        read_file(str(tmp_path))
