"""Disks that fail, objects that change while they are looked at, auditors that are stopped."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import partial

import pytest

from swiftlite.obj.auditor.judge import Judge
from swiftlite.obj.auditor.tally import Tally
from swiftlite.objectstore.api import Absent, DeviceUnavailable, NoSpace
from swiftlite.objectstore.examine import Depth, Examiner, Finding, Verdict
from swiftlite.observe.log import Log
from swiftlite.service.passes import Idle
from swiftlite.testing.sim_faults import Faults
from tests.obj.auditor.worlds import Auditing, SimAuditing
from tests.objectstore.stores import HASH_PATH, NOW

BIG = bytes(range(256)) * (9 << 12)  # 9 MiB: three reads


@pytest.fixture
def node() -> SimAuditing:
    return SimAuditing()


def examined(node: Auditing, obj: str, depth: Depth = Depth.BLOCKS) -> Iterator[Finding | None]:
    """None each time some of the body has been read; then what was found."""
    helper = node.host.tasks.helper()
    examiner = Examiner(node.host.disk, HASH_PATH, node.host.clock.wall, helper)
    work = examiner.examine(node.place(obj), depth)
    while True:
        try:
            next(work)
        except StopIteration as end:
            yield end.value
            return
        yield None


def judged(node: Auditing, found: Finding) -> Tally:
    tally = Tally.begun(0.0, ())
    log = Log("auditor", sink=node.sink)
    Judge(node.store.manager, log, [], 86_400.0, reclaims=True).judge(found, tally)
    return tally


def test_an_object_replaced_while_its_rotten_body_is_read_stays(node: SimAuditing) -> None:
    def act() -> None:
        node.put("o", BIG)
        node.overwrite(node.data("o"), len(BIG) - 1)
        work = examined(node, "o")
        assert next(work) is None
        node.put("o", b"newer", NOW.plus(1))
        *_, found = work
        assert found is not None
        assert found.verdict is Verdict.DAMAGED
        assert judged(node, found).whole.quarantined == 0
        assert node.store.read("o") == b"newer"

    node.run(act)
    assert node.quarantined() == []


def test_a_good_copy_under_the_rotten_ones_name_stays(node: SimAuditing) -> None:
    """A reader met the rot first and had it quarantined; replication then brought the good one."""

    def act() -> None:
        node.put("o", BIG)
        node.overwrite(node.data("o"), len(BIG) - 1)
        work = examined(node, "o")
        assert next(work) is None
        node.host.disk.rename(node.place("o").path, f"{node.root}/elsewhere")
        node.put("o", BIG)
        *_, found = work
        assert found is not None
        assert found.verdict is Verdict.DAMAGED
        assert judged(node, found).whole.quarantined == 0
        assert node.store.read("o") == BIG

    node.run(act)
    assert node.quarantined() == []


@pytest.mark.parametrize("depth", list(Depth))
def test_an_object_deleted_while_it_is_looked_at_is_no_fault(
    node: SimAuditing, depth: Depth
) -> None:
    def act() -> None:
        for reads in range(4):
            moment = NOW.plus(10 * reads)
            node.put("o", BIG, moment)
            work = examined(node, "o", depth)
            found = None
            for _ in range(reads):
                found = next(work, found)
            node.store.diskfile("o").delete(moment.plus(1))
            for later in work:
                found = later
            assert found is not None
            assert found.verdict in (Verdict.SOUND, Verdict.ABSENT)
            assert judged(node, found).whole == Tally.begun(0.0, ()).whole

    node.run(act)
    assert node.node.disk.open_descriptors() == []


def test_an_object_that_was_deleted_between_the_listings_is_no_fault(node: SimAuditing) -> None:
    def act() -> None:
        node.put("o", b"x")
        place = node.place("o")
        node.host.disk.unlink(node.data("o"))
        node.host.disk.rmdir(place.path)
        (found,) = examined(node, "o")
        assert found is not None
        assert found.verdict is Verdict.ABSENT

    node.run(act)


def test_a_body_that_cannot_be_read_is_quarantined(node: SimAuditing) -> None:
    def act() -> None:
        for name in ("bad", "good"):
            node.put(name, BIG)
        node.node.disk.make_unreadable(node.data("bad"), 5 << 20, (5 << 20) + 1)
        node.audit()

    node.run(act)
    node.expect_quarantined("bad")
    assert node.stats()["errors"] == 0


def test_a_disk_that_refuses_everything_is_not_emptied_into_its_quarantine(
    node: SimAuditing,
) -> None:
    def act() -> None:
        for number in range(40):
            node.put(f"o{number}", bytes(1_000))
            node.node.disk.make_unreadable(node.data(f"o{number}"), 0, 1)
        node.audit()

    node.run(act)
    assert 0 < len(node.quarantined()) < 5
    assert node.stats()["errors"] == 1
    assert any("refuses to read one object after the other" in line for line in node.sink.lines)


def test_directories_that_cannot_be_listed_cost_an_error_and_nothing_else(
    node: SimAuditing,
) -> None:
    def act() -> None:
        for number in range(10):
            node.put(f"o{number}", bytes(1_000))
        node.node.disk.broken[node.place("o3").suffix_path] = errno.EIO
        node.node.disk.broken[node.place("o4").path] = errno.EIO
        node.audit()

    node.run(act)
    stats = node.stats()
    assert (stats["errors"], stats["quarantined"], stats["passes"]) == (2, 0, 10)
    assert sum("Cannot " in line for line in node.sink.lines) == 2


@pytest.mark.parametrize("code", [errno.EIO, errno.ENODATA, errno.EUCLEAN])
def test_a_file_that_cannot_be_opened_is_quarantined(node: SimAuditing, code: int) -> None:
    def act() -> None:
        node.put("o", b"x")
        path = node.data("o")
        node.node.disk.broken[path] = code
        node.audit()
        del node.node.disk.broken[path]

    node.run(act)
    assert len(node.quarantined()) == 1


def test_a_device_that_goes_away_in_mid_pass_is_taken_up_where_it_was_left(
    node: SimAuditing,
) -> None:
    def act() -> None:
        for number in range(600):
            node.put(f"o{number}", b"x")
        auditor = node.auditor(
            once=False, context={"node_conf": {"devices": node.root, "mount_check": "true"}}
        )
        node.node.disk.mounts.add("/srv/node/sda1")
        auditor.step()
        assert node.status() == ["7"]
        node.node.disk.mounts.discard("/srv/node/sda1")
        auditor.step()
        auditor.close()

    node.run(act)
    assert any("sda1 stopped: device sda1: not mounted" in line for line in node.sink.lines)
    assert node.stats()["errors"] == 1
    assert node.status() == ["7"]
    node.run(node.audit)
    assert node.stats()["passes"] == 600


def test_a_stopped_auditor_goes_on_with_the_partition_it_was_in(node: SimAuditing) -> None:
    def act() -> None:
        for partition in (5, 6, 8, 9):
            for number in range(300):
                diskfile = node.store.diskfile(f"{partition}-{number}", partition)
                diskfile.delete(NOW)
        auditor = node.auditor()
        for _ in range(2):  # 1,024 of 1,200
            auditor.step()
        auditor.close()

    node.run(act)
    left = node.status()
    assert left is not None
    assert len(left) == 1
    assert node.node.disk.open_descriptors() == []
    node.run(node.audit)
    assert node.stats()["passes"] == 300
    assert node.status() is None, "a whole pass begins anew"
    node.run(node.audit)
    assert node.stats()["passes"] == 1_200


def test_a_status_file_of_swift_is_gone_by_and_a_torn_one_is_not(node: SimAuditing) -> None:
    def act(content: bytes) -> int:
        disk = node.host.disk
        fd = disk.open(f"{node.root}/sda1/objects/auditor_status_ALL.json", 0o101)
        disk.write(fd, content)
        disk.close(fd)
        node.audit()
        passes = node.stats()["passes"]
        assert isinstance(passes, int)
        return passes

    def prepare() -> None:
        for partition in (5, 6):
            node.store.diskfile(f"{partition}", partition).delete(NOW)

    node.run(prepare)
    swifts = b'{"partitions": ["6", "auditor_status_ALL.json"]}'
    assert node.run(lambda: act(swifts)) == 1
    assert node.run(lambda: act(b'{"partitions": []}')) == 0, "done already"
    for torn in (b"", b'{"partitions": ["6"', b"[]", b'{"partitions": 3}', b"\xff"):
        assert node.run(partial(act, torn)) == 2


def test_a_quarantine_without_room_costs_an_error_and_the_pass_goes_on(
    node: SimAuditing,
) -> None:
    def act() -> None:
        for name in ("a", "b", "c"):
            node.put(name, BIG[:1_000])
        node.overwrite(node.data("a"), 5)
        node.overwrite(node.data("c"), 5)
        node.node.disk.broken[f"{node.root}/sda1/quarantined"] = errno.ENOSPC
        node.audit()

    node.run(act)
    stats = node.stats()
    assert (stats["passes"], stats["quarantined"], stats["errors"]) == (3, 0, 2)
    assert node.run(lambda: node.store.read("b")) == BIG[:1_000]
    with pytest.raises(NoSpace):  # asked of this node, it sends the client elsewhere
        node.run(lambda: node.store.diskfile("a").open(NOW, with_content=True))


def test_every_disk_call_failing_in_turn_harms_no_object() -> None:
    """Whatever fails while a pass goes by: sound objects stay readable, nothing is left open."""
    fail_at = 1
    while True:
        node = SimAuditing()

        def prepare(node: SimAuditing = node) -> None:
            node.put("sound", bytes(70_000))
            node.put("rotten", bytes(70_000))
            node.overwrite(node.data("rotten"), 5)

        def look(node: SimAuditing = node, fail_at: int = fail_at) -> bool:
            node.node.disk.faults = Faults(fail_at=fail_at, fail_with=errno.EIO)
            auditor = node.auditor()
            try:
                while not isinstance(auditor.step(), Idle):
                    pass
            except (OSError, DeviceUnavailable):
                pass
            auditor.close()
            failed = node.node.disk.faults.fired
            node.node.disk.faults = Faults()
            return failed

        node.run(prepare)
        failed = node.run(look)
        assert node.node.disk.open_descriptors() == [], fail_at
        node.run(node.audit)  # and all is well with the next
        assert HASH_PATH.hex("a", "c", "rotten") in node.quarantined(), fail_at
        sound = node.run(partial(node.store.diskfile("sound").open, NOW))
        if isinstance(sound, Absent):  # its very own bytes could not be read
            assert HASH_PATH.hex("a", "c", "sound") in node.quarantined(), fail_at
        if not failed:
            assert not isinstance(sound, Absent)
            break
        fail_at += 1
    assert fail_at > 20
