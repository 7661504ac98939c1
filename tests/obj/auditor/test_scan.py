"""What a full pass and one over metadata find, and what they leave alone."""

from __future__ import annotations

import _thread
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftlite.formats.block_checksums import ATTRIBUTE as BLOCKS
from swiftlite.formats.metadata import ATTRIBUTE as METADATA
from swiftlite.host.helper import ThreadHelper
from swiftlite.host.plain import PlainTasks
from swiftlite.objectstore.attributes import read_metadata, write_metadata
from swiftlite.vocab.timestamp import Timestamp
from tests.obj.auditor.worlds import Auditing, SimAuditing, real
from tests.objectstore.stores import NOW
from tests.user_attributes import need_user_attributes

SIZES = (0, 1, 1_000, 65_536, 65_537, 1 << 20, (4 << 20) + 1, 9 << 20)
DAY = 8_640_000_000  # in raw units of 10 µs


class Threaded(PlainTasks):
    """A helper that is a thread in truth."""

    def helper(self) -> ThreadHelper:  # type: ignore[override]  # the plain host's is in place
        return ThreadHelper(_thread.start_new_thread)


def body_of(size: int) -> bytes:
    return (b"%d " % size * (size // 2 + 1))[:size]


@pytest.fixture
def node(tmp_path: Path) -> Auditing:
    need_user_attributes(tmp_path)
    return real(tmp_path)


@pytest.mark.parametrize("md5_every", [1, 1_000_000])
def test_sound_objects_pass(node: Auditing, md5_every: int) -> None:
    for size in SIZES:
        node.put(str(size), body_of(size))
    node.audit(md5_every=md5_every, zero_byte_files_per_second=1e9)
    assert node.quarantined() == []
    stats = node.stats()
    assert (stats["passes"], stats["quarantined"], stats["errors"]) == (len(SIZES), 0, 0)
    assert stats["bytes_processed"] == sum(SIZES)
    assert node.stats("ZBF")["passes"] == len(SIZES)
    assert node.stats("ZBF")["bytes_processed"] == 0
    for size in SIZES:
        assert node.store.read(str(size)) == body_of(size)


def test_what_recon_is_told_has_swifts_keys(node: Auditing) -> None:
    node.put("o", b"x")
    node.audit(zero_byte_files_per_second=1e9)
    for kind in ("ALL", "ZBF"):
        assert set(node.stats(kind)) == {
            "errors", "passes", "quarantined", "bytes_processed", "start_time", "audit_time",
        }  # fmt: skip


def test_an_auditor_of_some_devices_reports_under_their_names(node: Auditing) -> None:
    os.makedirs(f"{node.root}/sdb1")
    node.put("o", b"x")
    node.audit(context={"devices": frozenset(("sda1", "sdb1", "no such device"))})
    assert list(node.stats()) == ["sda1sdb1"]
    assert node.stats()["sda1sdb1"]["passes"] == 1


@pytest.mark.parametrize("md5_every", [1, 1_000_000])
@pytest.mark.parametrize("size", [size for size in SIZES if size])
def test_a_flipped_bit_anywhere_in_a_body_is_found(
    node: Auditing, size: int, md5_every: int
) -> None:
    for name, at in (("first", 0), ("middle", size // 2), ("last", size - 1)):
        node.put(name, body_of(size))
        node.overwrite(node.data(name), at)
    node.put("sound", body_of(size))
    node.audit(md5_every=md5_every)
    node.expect_quarantined("first", "middle", "last")
    assert node.stats()["quarantined"] == 3
    assert node.store.read("sound") == body_of(size)


@pytest.mark.parametrize("rotten", [[], [0], [1, 2], [3], list(range(4))])
def test_bodies_are_hashed_while_the_next_one_is_read(node: Auditing, rotten: list[int]) -> None:
    host = dataclasses.replace(node.host, tasks=Threaded())
    node = Auditing(host, node.root, node.recon_path)
    size = (9 << 20) + 5
    for number in range(4):
        node.put(str(number), body_of(size))
    for number in rotten:
        node.overwrite(node.data(str(number)), size - 1)
    node.audit(md5_every=1)
    node.expect_quarantined(*map(str, rotten))
    assert node.stats()["bytes_processed"] == 4 * size
    assert node.stats()["passes"] == 4


def test_an_auditor_that_is_stopped_has_no_file_open(node: Auditing) -> None:
    host = dataclasses.replace(node.host, tasks=Threaded())
    node = Auditing(host, node.root, node.recon_path)
    for number in range(3):
        node.put(str(number), body_of(5 << 20))
    before = os.listdir("/proc/self/fd")
    auditor = node.auditor(once=False, md5_every=1, bytes_per_second=1.0)
    for _ in range(3):
        auditor.step()
        node.host.tasks.sleep(0.0)
    auditor.close()
    assert os.listdir("/proc/self/fd") == before


def test_the_body_of_an_object_that_swift_wrote_is_held_against_its_md5(node: Auditing) -> None:
    for name in ("rotten", "sound"):
        node.put(name, body_of(200_000))
        os.removexattr(node.data(name), BLOCKS)
    node.overwrite(node.data("rotten"), 150_000)
    node.audit(md5_every=1_000_000)
    node.expect_quarantined("rotten")


def test_checksums_that_are_damaged_beside_a_sound_body_are_mended(node: Auditing) -> None:
    node.put("o", body_of(300_000))
    good = os.getxattr(node.data("o"), BLOCKS)
    os.setxattr(node.data("o"), BLOCKS, good[:-1] + bytes([good[-1] ^ 1]))
    node.audit(md5_every=1_000_000)
    assert node.quarantined() == []
    assert os.getxattr(node.data("o"), BLOCKS) == good
    assert any("have been written anew" in line for line in node.sink.lines)


def test_checksums_of_something_else_beside_a_sound_body_are_mended(node: Auditing) -> None:
    node.put("o", body_of(300_000))
    node.put("other", bytes(300_000))
    good, others = (os.getxattr(node.data(obj), BLOCKS) for obj in ("o", "other"))
    os.setxattr(node.data("o"), BLOCKS, others)
    node.audit(md5_every=1_000_000)
    assert node.quarantined() == []
    assert os.getxattr(node.data("o"), BLOCKS) == good


def flip_metadata(node: Auditing, obj: str) -> None:
    value = bytearray(os.getxattr(node.data(obj), METADATA))
    value[len(value) // 2] ^= 1
    os.setxattr(node.data(obj), METADATA, bytes(value))


def change(**changes: str) -> Callable[[Auditing, str], None]:
    def act(node: Auditing, obj: str) -> None:
        fd = os.open(node.data(obj), os.O_RDWR)
        metadata = read_metadata(node.host.disk, fd)
        values = {key.replace("_", "-"): value for key, value in changes.items()}
        write_metadata(node.host.disk, fd, {**metadata, **values}, "msgpack")
        os.close(fd)

    return act


def move_elsewhere(node: Auditing, obj: str) -> None:
    here, there = node.data(obj), node.place("another").path
    os.makedirs(there)
    os.rename(here, f"{there}/{os.path.basename(here)}")
    os.rmdir(os.path.dirname(here))


def spoil_post(node: Auditing, obj: str) -> None:
    stored = {"X-Timestamp": NOW.plus(1).internal, "X-Object-Meta-Color": "blue"}
    node.store.diskfile(obj).write_metadata(stored, NOW.plus(1))
    (meta,) = (name for name in node.store.files(obj) if name.endswith(".meta"))
    os.removexattr(f"{node.place(obj).path}/{meta}", METADATA)


SEEN_BY_BOTH: dict[str, Callable[[Auditing, str], None]] = {
    "metadata flipped": flip_metadata,
    "no metadata": lambda node, obj: os.removexattr(node.data(obj), METADATA),
    "cut short": lambda node, obj: os.truncate(node.data(obj), 10),
    "emptied": lambda node, obj: os.truncate(node.data(obj), 0),
    "longer": lambda node, obj: os.truncate(node.data(obj), 2_000),
    "no length": change(Content_Length="many"),
    "expires never": change(X_Delete_At="tomorrow"),
    "no object's name": change(name="/a/c"),
    "a name with something before it": change(name="x/a/c/o"),
    "metadata of a POST": spoil_post,
}


@pytest.mark.parametrize("kind", ["ALL", "ZBF"])
@pytest.mark.parametrize("damage", SEEN_BY_BOTH)
def test_what_needs_no_reading_of_the_body_is_found_by_both_passes(
    node: Auditing, damage: str, kind: str
) -> None:
    node.put("o", body_of(1_000))
    node.put("sound", body_of(1_000))
    SEEN_BY_BOTH[damage](node, "o")
    node.audit(flags={"zero_byte_fps": 1e9} if kind == "ZBF" else {})
    node.expect_quarantined("o")
    assert node.stats(kind)["passes"] == 2


def test_an_object_in_anothers_hash_dir_is_quarantined(node: Auditing) -> None:
    node.put("o", b"x")
    move_elsewhere(node, "o")
    node.audit()
    node.expect_quarantined("another")


def test_only_the_full_pass_reads_bodies(node: Auditing) -> None:
    node.put("o", body_of(1_000))
    node.overwrite(node.data("o"), 5)
    node.audit(flags={"zero_byte_fps": 1e9})
    assert node.quarantined() == []


def test_the_wrong_etag_is_found_when_the_md5_is_due(node: Auditing) -> None:
    for number in range(3):
        node.put(f"o{number}", body_of(1_000))
        change(ETag="0" * 32)(node, f"o{number}")
    auditor = node.auditor(once=False, md5_every=3, interval=0.0)
    for _ in range(3):
        auditor.step()
    node.expect_quarantined("o0", "o1", "o2")


def test_a_file_where_a_hash_dir_should_be_goes_and_its_neighbours_stay(node: Auditing) -> None:
    node.put("sound", b"x")
    place = node.place("o")
    os.makedirs(place.suffix_path)
    Path(place.path).write_bytes(b"?")
    Path(f"{place.suffix_path}/junk").write_bytes(b"?")
    os.makedirs(f"{place.suffix_path}/strange directory")
    node.audit()
    assert node.quarantined() == sorted([place.hash, "junk"])
    assert place.suffix in node.marked()
    assert os.listdir(place.suffix_path) == ["strange directory"]
    assert node.stats()["quarantined"] == 2


def test_empty_hash_dirs_and_stray_files_are_nobodys_damage(node: Auditing) -> None:
    os.makedirs(node.place("o").path)
    Path(f"{node.root}/sda1/objects/7/{node.place('o').suffix}x").write_bytes(b"")
    Path(f"{node.root}/sda1/objects/a file").write_bytes(b"")
    node.audit()
    assert node.quarantined() == []
    assert node.stats()["errors"] == 0


def test_expired_objects_are_left_to_the_expirer(node: Auditing) -> None:
    node.put("o", body_of(1_000), X_Delete_At=str(int(NOW.seconds) - 10))
    node.overwrite(node.data("o"), 5)
    node.audit()
    assert node.quarantined() == []
    assert node.stats()["passes"] == 1


@pytest.mark.parametrize(("days", "kind", "marks"), [(8, "ALL", True), (6, "ALL", False), (8, "ZBF", False)])  # fmt: skip  # noqa: E501
def test_old_tombstones_have_their_suffix_hashed_again(
    node: Auditing, days: int, kind: str, marks: bool
) -> None:
    node.store.diskfile("o").delete(Timestamp(NOW.raw - days * DAY))
    os.truncate(f"{node.root}/sda1/objects/7/hashes.invalid", 0)
    node.audit(flags={"zero_byte_fps": 1e9} if kind == "ZBF" else {})
    assert node.marked() == ([node.place("o").suffix] if marks else [])


def test_old_temporary_files_of_rsync_go_and_young_ones_stay(node: Auditing) -> None:
    node.put("o", b"x")
    for name, age in ((".1.data.aBc123", 90_000), (".2.data.aBc123", 80_000), ("other", 90_000)):
        path = Path(f"{node.place('o').path}/{name}")
        path.write_bytes(b"")
        os.utime(path, (NOW.seconds - age,) * 2)
    node.audit(zero_byte_files_per_second=1e9)
    assert set(node.store.files("o")) - {".2.data.aBc123", "other"} == {NOW.internal + ".data"}
    node.audit(rsync_tempfile_timeout=70_000)
    assert set(node.store.files("o")) == {NOW.internal + ".data", "other"}


def test_a_replicators_timeout_tells_when_its_temporaries_are_old(node: Auditing) -> None:
    node.put("o", b"x")
    path = Path(f"{node.place('o').path}/.1.data.aBc123")
    path.write_bytes(b"")
    os.utime(path, (NOW.seconds - 2_000,) * 2)
    sections = {"object-replicator": {"rsync_timeout": "1200"}}
    node.audit(context={"sections": sections})
    assert path.exists()
    sections["object-replicator"]["rsync_timeout"] = "1000"
    node.audit(context={"sections": sections})
    assert not path.exists()


def test_sizes_are_counted_when_asked_for(node: Auditing) -> None:
    for size in (5, 20, 10_000):
        node.put(str(size), body_of(size))
    node.audit(object_size_stats=(10, 100, 1024))
    assert any("10: 1, 100: 1, 1024: 0, OVER: 1" in line for line in node.sink.lines)


def test_only_the_partitions_asked_for_are_walked(node: Auditing) -> None:
    node.put("o", b"x")
    node.audit(context={"partitions": frozenset((8,))})
    assert node.stats()["passes"] == 0
    node.audit(context={"partitions": frozenset((7,))})
    assert node.stats()["passes"] == 1


def test_a_pass_keeps_to_its_pace() -> None:
    node = SimAuditing()

    def act() -> tuple[float, float]:
        for number in range(100):
            node.put(f"o{number}", bytes(200_000))
        monotonic = node.host.clock.monotonic
        start = monotonic()
        node.audit(files_per_second=20.0)
        middle = monotonic()
        node.audit(bytes_per_second=1_000_000.0)
        return middle - start, monotonic() - middle

    by_files, by_bytes = node.run(act)
    assert 3.0 <= by_files <= 6.0
    assert 14.0 <= by_bytes <= 21.0


def test_a_metadata_pass_goes_on_beside_the_full_one() -> None:
    node = SimAuditing()

    def act() -> None:
        for number in range(50):
            node.put(f"o{number}", b"x")
        auditor = node.auditor(
            once=False, files_per_second=1.0, zero_byte_files_per_second=50.0, interval=1.0
        )
        until = node.host.clock.monotonic() + 20
        while node.host.clock.monotonic() < until:
            outcome = auditor.step()
            node.host.tasks.sleep(getattr(outcome, "seconds", 0.0))
        auditor.close()

    node.run(act)
    assert sum("(ZBF) completed" in line for line in node.sink.lines) >= 5
    assert not any("(ALL) completed" in line for line in node.sink.lines)


class Sent:
    """In place of observe.statsd.Statsd: what would have been sent."""

    enabled = True

    def __init__(self) -> None:
        self.metrics: list[str] = []

    def increment(self, metric: str) -> None:
        self.metrics.append(metric)

    def timing(self, metric: str, seconds: float) -> None:
        self.metrics.append(metric)


def test_metrics_have_swifts_names(node: Auditing) -> None:
    for name in ("rotten", "sound", "third"):
        node.put(name, body_of(1_000))
    node.overwrite(node.data("rotten"), 5)
    sent = Sent()
    node.audit(context={"statsd": sent})
    assert sorted(sent.metrics) == ["quarantines", "timing", "timing", "timing"]
