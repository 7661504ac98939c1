"""Nothing leaves that was not checked: small bodies, large ones, and ranges of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.formats.block_checksums import ATTRIBUTE, BLOCK_BYTES_MIN
from swiftlite.host.disk import Disk
from swiftlite.objectstore.api import Absent, Damaged, Presence
from swiftlite.objectstore.reader import Body
from tests.objectstore.stores import NOW, Store, flip

MIB = 1 << 20
LARGE = os.urandom(5 * MIB + 123)


def body_of(store: Store, *, whole: bool = False, keep_cache: bool = True) -> Body:
    body = store.open().body(whole=whole, keep_cache=keep_cache)
    assert isinstance(body, Body)
    return body


class FakeStream:
    """Takes what is sent to it, from memory or from a file."""

    def __init__(self, short_by: int = 0) -> None:
        self.sent = b""
        self.short_by = short_by

    def send_all(self, data: bytes, more: bool = False) -> None:
        self.sent += data

    def send_file(self, fd: int, offset: int, count: int) -> int:
        block = os.pread(fd, count - self.short_by, offset)
        self.sent += block
        return len(block)


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, len(LARGE)),
        (0, 1),
        (len(LARGE) - 1, len(LARGE)),
        (BLOCK_BYTES_MIN - 1, BLOCK_BYTES_MIN + 1),
        (MIB - 7, 2 * MIB + 9),
        (3 * MIB, 3 * MIB + BLOCK_BYTES_MIN),
        (5 * MIB, len(LARGE)),
    ],
)
@pytest.mark.parametrize("keep_cache", [True, False])
def test_any_part_by_iteration_and_by_sendfile(
    store: Store, start: int, stop: int, keep_cache: bool
) -> None:
    store.put(LARGE)
    body = body_of(store, keep_cache=keep_cache)
    assert b"".join(body.part(start, stop)) == LARGE[start:stop]
    stream = FakeStream()
    body.prepare(start, stop)
    assert body.part(start, stop).send_to(stream) == stop - start  # type: ignore[arg-type]
    assert stream.sent == LARGE[start:stop]
    body.close()


def test_a_bit_flipped_in_a_small_body_is_never_given(store: Store) -> None:
    store.put(b"hello")
    flip(store.data_path(), 2)
    found = store.diskfile().open(NOW, with_content=True)
    assert isinstance(found, Absent)
    assert found.presence is Presence.QUARANTINED
    assert store.quarantined()


def test_a_bit_flipped_in_the_first_run_is_known_before_anything_is_sent(store: Store) -> None:
    store.put(LARGE)
    flip(store.data_path(), 70_000)
    body = body_of(store, whole=True)
    with pytest.raises(Damaged):
        body.prepare(0, len(LARGE))
    body.close()
    assert store.quarantined()


def test_a_bit_flipped_later_ends_the_body_before_the_run_that_holds_it(store: Store) -> None:
    store.put(LARGE)
    flip(store.data_path(), 3 * MIB + 5)
    body = body_of(store, whole=True)
    body.prepare(0, len(LARGE))
    stream = FakeStream()
    with pytest.raises(Damaged):
        body.part(0, len(LARGE)).send_to(stream)  # type: ignore[arg-type]
    assert stream.sent == LARGE[: 3 * MIB]
    body.close()
    assert store.quarantined()


def test_the_next_run_is_looked_at_before_this_one_has_been_sent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(LARGE)
    body = body_of(store)
    happened: list[tuple[str, int]] = []
    sound, stream = body.check.sound, FakeStream()
    send = stream.send_file

    def noted(disk: Disk, fd: int, start: int, stop: int, view: memoryview) -> bool:
        happened.append(("checked", start // MIB))
        return sound(disk, fd, start, stop, view)

    def send_file(fd: int, offset: int, count: int) -> int:
        happened.append(("sent", offset // MIB))
        return send(fd, offset, count)

    monkeypatch.setattr(body.check, "sound", noted)
    monkeypatch.setattr(stream, "send_file", send_file)
    body.prepare(0, 3 * MIB)
    assert happened == [("checked", 0)]  # nothing more for who may want no more
    body.part(0, 3 * MIB).send_to(stream)  # type: ignore[arg-type]
    order = [("checked", 0), ("checked", 1), ("sent", 0), ("checked", 2), ("sent", 1), ("sent", 2)]
    assert happened == order
    body.close()


def test_a_part_given_up_in_the_middle_leaves_the_next_one_right(store: Store) -> None:
    store.put(LARGE)
    body = body_of(store)
    given_up = iter(body.part(0, len(LARGE)))
    assert next(given_up) == LARGE[:MIB]
    assert b"".join(body.part(3 * MIB, 4 * MIB)) == LARGE[3 * MIB : 4 * MIB]
    body.close()


@pytest.mark.parametrize(
    ("start", "stop", "flipped", "found"),
    [
        (100, 200, 150, True),
        (100, 200, 60_000, True),  # the same block: its checksum covers both
        (100, 200, 70_000, False),  # the next block
        (MIB, MIB + 10, MIB - 1, False),
        (5 * MIB + 100, 5 * MIB + 123, 5 * MIB + 122, True),
    ],
)
def test_a_range_checks_the_blocks_that_cover_it(
    store: Store, start: int, stop: int, flipped: int, found: bool
) -> None:
    store.put(LARGE)
    flip(store.data_path(), flipped)
    body = body_of(store)
    if found:
        with pytest.raises(Damaged):
            b"".join(body.part(start, stop))
        assert store.quarantined()
    else:
        assert b"".join(body.part(start, stop)) == LARGE[start:stop]
        assert not store.quarantined()
    body.close()


def test_blocks_larger_than_a_run(store: Store) -> None:
    size = 100 * MIB  # blocks of 512 KiB; make them larger by hand
    body = os.urandom(MIB) * 9
    diskfile = store.diskfile()
    writer = diskfile.writer(size * 100)
    writer._reserve_checked = 0
    from tests.objectstore.stores import describe

    writer.announced = len(body)
    for at in range(0, len(body), MIB):
        writer.write(memoryview(body)[at : at + MIB])
    assert writer._summer.block_bytes > MIB
    writer.finish(memoryview(b""), NOW, describe(diskfile, NOW))
    writer.close()
    opened = body_of(store)
    assert b"".join(opened.part(0, len(body))) == body
    assert b"".join(opened.part(2 * MIB + 1, 2 * MIB + 3)) == body[2 * MIB + 1 : 2 * MIB + 3]
    opened.close()
    flip(store.data_path(), 8 * MIB + 5)
    opened = body_of(store)
    with pytest.raises(Damaged):
        b"".join(opened.part(0, len(body)))
    opened.close()


# Objects that Swift wrote: no checksums of blocks


def as_swift_wrote(store: Store) -> Path:
    path = store.data_path()
    os.removexattr(path, ATTRIBUTE)
    return path


def test_swifts_objects_are_read(store: Store) -> None:
    store.put(LARGE)
    as_swift_wrote(store)
    assert store.read() == LARGE
    body = body_of(store)
    assert b"".join(body.part(5, 2 * MIB)) == LARGE[5 : 2 * MIB]
    body.close()


def test_a_full_read_of_swifts_object_holds_back_its_end_until_the_md5_is_known(
    store: Store,
) -> None:
    store.put(LARGE)
    flip(as_swift_wrote(store), 5)
    body = body_of(store, whole=True)
    body.prepare(0, len(LARGE))
    stream = FakeStream()
    with pytest.raises(Damaged):
        body.part(0, len(LARGE)).send_to(stream)  # type: ignore[arg-type]
    assert len(stream.sent) == 5 * MIB
    assert store.quarantined()
    body.close()


def test_a_small_object_of_swifts_is_judged_whole(store: Store) -> None:
    store.put(b"hello")
    flip(as_swift_wrote(store), 0)
    found = store.diskfile().open(NOW, with_content=True)
    assert isinstance(found, Absent)
    assert store.quarantined()


def test_etag_validation_can_be_turned_off(tmp_path: Path) -> None:
    store = Store(tmp_path, etag_validate_fraction=0.0)
    store.put(b"hello")
    flip(as_swift_wrote(store), 0)
    assert store.open(with_content=True).content == b"xello"


def test_damaged_checksums_leave_the_md5_to_decide(store: Store) -> None:
    store.put(LARGE)
    path = store.data_path()
    blob = bytearray(os.getxattr(path, ATTRIBUTE))
    blob[30] ^= 1
    os.setxattr(path, ATTRIBUTE, bytes(blob))
    assert store.read() == LARGE
    assert any("damaged" in line for line in store.log.lines)


def test_a_file_that_becomes_shorter_cuts_the_body(store: Store) -> None:
    store.put(LARGE)
    body = body_of(store)
    with pytest.raises(Damaged):
        body.part(0, len(LARGE)).send_to(FakeStream(short_by=1))  # type: ignore[arg-type]
    body.close()


def test_a_reader_keeps_its_version_while_a_newer_one_is_put(store: Store) -> None:
    store.put(LARGE)
    body = body_of(store, whole=True)
    store.put(b"newer", NOW.plus(1))
    assert b"".join(body.part(0, body.length)) == LARGE
    body.close()
