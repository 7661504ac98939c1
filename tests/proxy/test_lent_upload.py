"""Bodies written past the page cache: whole blocks, tails and odd addresses give the same file."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.host.disk import PAST_CACHE_BYTES
from swiftlite.proxy.obj.lent_upload import LentUpload

MIB = 1 << 20


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.mark.parametrize("past_cache", [True, False])
@pytest.mark.parametrize(
    "sizes",
    [
        (MIB, MIB),
        (MIB, MIB, 5),
        (MIB, MIB - 1, MIB, 4096),  # a client that paused: everything after it is at odd places
        (PAST_CACHE_BYTES, 1),
        (7,),
    ],
)
@pytest.mark.parametrize("odd", [False, True])
def test_the_file_is_what_was_written(
    host: Host, tmp_path: Path, sizes: tuple[int, ...], odd: bool, past_cache: bool
) -> None:
    path = tmp_path / "file"
    path.touch()
    fd = os.open(path, os.O_WRONLY)
    upload = LentUpload(host, fd, "disk", past_cache=past_cache)
    page = mmap.mmap(-1, MIB + 1)
    expected = b""
    for size in sizes:
        data = os.urandom(size)
        view = memoryview(page)[odd : odd + size]  # odd: no address that a disk takes
        view[:] = data
        upload.begin(view)
        upload.end(host.clock.monotonic() + 60)
        expected += data
        view.release()
    upload.close()
    assert path.read_bytes() == expected


def test_a_full_disk_is_told_of(host: Host) -> None:
    upload = LentUpload(host, os.open("/dev/full", os.O_WRONLY), "disk", past_cache=True)
    upload.begin(memoryview(bytes(MIB)))
    with pytest.raises(OSError, match="No space"):
        upload.end(host.clock.monotonic() + 60)
    upload.close()
    upload.close()
