"""Whole passes between simulated nodes, by SSYNC."""

from __future__ import annotations

from typing import cast

import pytest

from swiftlite.observe import recon
from swiftlite.ring import Ring
from swiftlite.service.passes import Idle
from tests.obj.replicator.nodes import DEVICES, NOW, RECON, Nodes, make_ring, run_to_idle


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


def same_on_primaries(nodes: Nodes, name: str) -> bool:
    first, *others = [nodes.files(number, name) for number in nodes.primaries(name)]
    return bool(first) and all(other == first for other in others)


def test_a_missing_replica_is_made_and_equal(nodes: Nodes) -> None:
    big = bytes(range(256)) * 1000
    one, two, three = nodes.primaries("o")
    nodes.put(one, "o", big, X_Object_Meta_Color="blau \xc3\xbc", X_Object_Sysmeta_A="b")
    nodes.replicate(one)
    assert nodes.holders("o") == sorted((one, two, three))
    assert same_on_primaries(nodes, "o")
    assert nodes.ask(two, "GET", "o").body == big


def test_an_older_replica_is_replaced(nodes: Nodes) -> None:
    one, two, three = nodes.primaries("o")
    for number in (one, two, three):
        nodes.put(number, "o", b"old")
    nodes.put(two, "o", b"new", NOW.plus(5))
    nodes.replicate_all()
    assert same_on_primaries(nodes, "o")
    assert nodes.ask(one, "GET", "o").body == b"new"


def test_a_deletion_wins_over_what_is_older_and_loses_to_what_is_newer(nodes: Nodes) -> None:
    for name, deleted in (("o", NOW.plus(1)), ("p", NOW.plus(-1))):
        one, two, three = nodes.primaries(name)
        nodes.put(one, name)
        nodes.put(two, name)
        nodes.ask(three, "DELETE", name, at=deleted)
    nodes.replicate_all()
    assert list(nodes.files(nodes.primaries("o")[0], "o")) == [f"{NOW.plus(1).internal}.ts"]
    assert list(nodes.files(nodes.primaries("p")[2], "p")) == [f"{NOW.internal}.data"]
    assert same_on_primaries(nodes, "o")
    assert same_on_primaries(nodes, "p")


def test_a_post_reaches_all(nodes: Nodes) -> None:
    one, two, three = nodes.primaries("o")
    for number in (one, two, three):
        nodes.put(number, "o")
    nodes.ask(two, "POST", "o", at=NOW.plus(3), X_Object_Meta_A="1", Content_Type="a/b")
    nodes.ask(three, "POST", "o", at=NOW.plus(7), X_Object_Meta_A="2")
    nodes.replicate_all()
    assert same_on_primaries(nodes, "o")
    answer = nodes.ask(one, "HEAD", "o")
    assert answer.headers["x-object-meta-a"] == "2"
    assert answer.headers["content-type"] == "a/b"


def test_a_second_pass_pushes_and_computes_nothing(nodes: Nodes) -> None:
    for index in range(20):
        nodes.put(nodes.primaries(f"o{index}")[0], f"o{index}")
    nodes.replicate_all()
    nodes.replicate_all()
    for number in nodes.apps:
        nodes.replicate(number)
        stats = recon.load(nodes.disk(number), f"{RECON}/object.recon")["replication_stats"]
        assert isinstance(stats, dict)
        assert stats["rsync"] == 0
        assert stats["failure"] == 0
        assert stats["suffix_hash"] == 0
        assert stats["hashmatch"] == 2 * stats["attempted"]
        assert stats["suffix_count"] > 0


def test_a_handoff_goes_once_all_primaries_have_it(nodes: Nodes) -> None:
    handoff = nodes.handoff("o")
    nodes.put(handoff, "o")
    lines = nodes.replicate(handoff)
    assert nodes.holders("o") == sorted(nodes.primaries("o"))
    partition = nodes.partition("o")
    assert not nodes.disk(handoff).exists(f"{DEVICES}/d{handoff}/objects/{partition}")
    assert any("Removed partition" in line for line in lines)


def test_a_handoff_stays_while_a_primary_is_away(nodes: Nodes) -> None:
    handoff = nodes.handoff("o")
    nodes.put(handoff, "o")
    away = nodes.primaries("o")[1]
    nodes.node(away).kill()
    nodes.replicate(handoff)
    assert handoff in nodes.holders("o")
    nodes.start(away)
    nodes.world.run_for(0.1)
    nodes.replicate(handoff)
    assert nodes.holders("o") == sorted(nodes.primaries("o"))


def test_a_handoff_may_go_sooner_if_the_operator_says_so(nodes: Nodes) -> None:
    handoff = nodes.handoff("o")
    nodes.put(handoff, "o")
    nodes.node(nodes.primaries("o")[1]).kill()
    nodes.replicate(handoff, {"handoff_delete": 2})
    assert handoff not in nodes.holders("o")
    assert len(nodes.holders("o")) == 2


def test_a_full_primary_keeps_the_handoff(nodes: Nodes) -> None:
    handoff = nodes.handoff("o")
    nodes.put(handoff, "o", b"x" * 100_000)
    full = nodes.primaries("o")[0]
    nodes.node(full).disk.capacity = 50_000
    nodes.replicate(handoff)
    assert handoff in nodes.holders("o")
    assert nodes.files(full, "o") == {}
    nodes.node(full).disk.capacity = 1 << 30
    nodes.world.run_for(2)
    nodes.replicate(handoff)
    assert nodes.holders("o") == sorted(nodes.primaries("o"))


def test_an_unmounted_primary_is_replaced_by_a_handoff(nodes: Nodes) -> None:
    one, away, _ = nodes.primaries("o")
    nodes.put(one, "o")
    disk = nodes.disk(away)
    disk.rename(f"{DEVICES}/d{away}", f"{DEVICES}/elsewhere")
    nodes.replicate(one)
    assert len(nodes.holders("o")) == 3
    assert nodes.handoff("o") in nodes.holders("o")
    disk.rename(f"{DEVICES}/elsewhere", f"{DEVICES}/d{away}")
    nodes.replicate(nodes.handoff("o"))
    assert nodes.holders("o") == sorted(nodes.primaries("o"))


def test_a_damaged_object_is_not_sent_and_comes_back_from_others(nodes: Nodes) -> None:
    one, two, three = nodes.primaries("o")
    for number in (one, two):
        nodes.put(number, "o", b"x" * 1000)
    (name,) = nodes.files(one, "o")
    name_hash = next(iter(_hash_dirs(nodes, one, "o")))
    nodes.node(one).disk.rot(f"{name_hash}/{name}", 500)
    nodes.replicate(one)
    assert nodes.files(three, "o") == {}
    assert nodes.files(one, "o") == {}  # quarantined
    nodes.replicate(two)
    assert same_on_primaries(nodes, "o")


def _hash_dirs(nodes: Nodes, number: int, name: str) -> list[str]:
    partition = f"{DEVICES}/d{number}/objects/{nodes.partition(name)}"
    disk = nodes.disk(number)
    return [
        f"{partition}/{suffix}/{inner}"
        for suffix in disk.listdir(partition)
        if len(suffix) == 3
        for inner in disk.listdir(f"{partition}/{suffix}")
    ]


def test_a_damaged_cache_of_hashes_is_made_anew(nodes: Nodes) -> None:
    one, two, three = nodes.primaries("o")
    for number in (one, two, three):
        nodes.put(number, "o")
    nodes.replicate_all()
    nodes.put(one, "p2" if nodes.partition("p2") == nodes.partition("o") else "o", at=NOW.plus(9))
    for damage in (b"", b"\x80\x02garbage", b"cos\nsystem\n(S'x'\ntR."):
        path = f"{DEVICES}/d{two}/objects/{nodes.partition('o')}/hashes.pkl"
        disk = nodes.disk(two)
        disk.unlink(path)
        fd = disk.open(path, 0o101)
        disk.write(fd, damage)
        disk.close(fd)
        nodes.replicate(one)
        nodes.replicate(two)
        assert same_on_primaries(nodes, "o")


def test_the_device_of_this_node_is_gone(nodes: Nodes) -> None:
    one = nodes.primaries("o")[0]
    nodes.disk(one).rename(f"{DEVICES}/d{one}", f"{DEVICES}/elsewhere")
    lines = nodes.replicate(one)
    assert any(f"d{one} is left out" in line for line in lines)


def test_only_named_partitions_and_devices(nodes: Nodes) -> None:
    names = ["o", *(name for name in "pqrstuvw" if nodes.partition(name) != nodes.partition("o"))]
    one = nodes.primaries("o")[0]
    for name in names:
        nodes.put(one, name)
    nodes.replicate(one, partitions=frozenset((nodes.partition("o"),)))
    assert len(nodes.holders("o")) == 3
    assert all(nodes.holders(name) == [one] for name in names[1:])
    nodes.replicate(one, devices=frozenset(("other",)))
    assert all(nodes.holders(name) == [one] for name in names[1:])
    assert not nodes.disk(one).exists(f"{RECON}/object.recon")  # a part is not a pass


def test_policies_have_their_own_directories() -> None:
    policies = {
        "storage-policy:0": {"name": "gold", "default": "yes"},
        "storage-policy:1": {"name": "silver"},
    }
    nodes = Nodes(policies=policies)
    one = nodes.primaries("o")[0]
    nodes.ask(one, "PUT", "o", b"hello", policy=1)
    nodes.replicate(one, policies=frozenset((0,)))
    assert [n for n in nodes.apps if nodes.files(n, "o", policy=1)] == [one]
    nodes.replicate(one)
    assert [n for n in nodes.apps if nodes.files(n, "o", policy=1)] == sorted(nodes.primaries("o"))


def test_handoffs_first_moves_nothing_else_while_handoffs_are_left(nodes: Nodes) -> None:
    handoff = nodes.handoff("o")
    nodes.put(handoff, "o")
    mine = next(
        name for name in "pqrstuvwxyz"
        if handoff in nodes.primaries(name) and nodes.partition(name) != nodes.partition("o")
    )  # fmt: skip
    nodes.put(handoff, mine)
    away = nodes.primaries("o")[1]
    nodes.node(away).kill()
    lines = nodes.replicate(handoff, {"handoffs_first": True})
    assert nodes.holders(mine) == [handoff]
    assert any("1 handoffs are left" in line for line in lines)
    nodes.start(away)
    nodes.world.run_for(0.1)
    nodes.replicate(handoff, {"handoffs_first": True})
    assert nodes.holders(mine) == sorted(nodes.primaries(mine))


def test_a_policy_whose_part_power_grows_is_left_alone(nodes: Nodes) -> None:
    one = nodes.primaries("o")[0]
    nodes.put(one, "o")
    nodes.rings.ring = cast(Ring, _growing(nodes))
    lines = nodes.replicate(one)
    assert any("part power" in line for line in lines)
    assert nodes.holders("o") == [one]


def _growing(nodes: Nodes) -> object:
    class Growing:
        next_part_power = 4

        def __getattr__(self, name: str) -> object:
            return getattr(nodes_ring, name)

    nodes_ring = nodes.ring
    return Growing()


def test_a_new_ring_ends_the_pass_and_the_next_one_follows_it(nodes: Nodes) -> None:
    handoff = nodes.handoff("o")
    nodes.put(handoff, "o")
    work = nodes.replicator(handoff)
    run = nodes.world.run
    node = nodes.node(handoff)
    run(node, work.step)  # has made its plan
    nodes.rings.ring = make_ring(4, 4)  # now everybody is a primary
    run(node, run_to_idle, work)
    assert any("Ring change" in line for line in nodes.sinks[handoff].lines)
    assert nodes.holders("o") == [1, 2, 3, 4]


def test_a_partition_that_the_ring_does_not_have_stays(nodes: Nodes) -> None:
    path = f"{DEVICES}/d1/objects/99/abc/{'0' * 29}abc"
    nodes.disk(1).makedirs(path)
    lines = nodes.replicate(1)
    assert any("partition 99, and the ring has not" in line for line in lines)
    assert nodes.disk(1).exists(path)


def test_a_file_in_the_place_of_a_partition_is_removed(nodes: Nodes) -> None:
    disk = nodes.disk(1)
    disk.makedirs(f"{DEVICES}/d1/objects")
    disk.close(disk.open(f"{DEVICES}/d1/objects/3", 0o101))
    nodes.replicate(1)
    assert not disk.exists(f"{DEVICES}/d1/objects/3")


def test_several_partitions_at_a_time(nodes: Nodes) -> None:
    for index in range(30):
        nodes.put(nodes.handoff(f"o{index}"), f"o{index}")
    for number in nodes.apps:
        nodes.replicate(number, {"concurrency": 4})
    for index in range(30):
        assert nodes.holders(f"o{index}") == sorted(nodes.primaries(f"o{index}"))


def test_one_node_of_a_far_region_is_enough() -> None:
    nodes = Nodes(4, 3, regions={1: 1, 2: 2, 3: 2, 4: 2})
    name = next(name for name in "opqrstuvwxyz" if 1 in nodes.primaries(name))
    nodes.put(1, name)
    nodes.replicate(1)
    assert len(nodes.holders(name)) == 2
    nodes.replicate_all()
    assert nodes.holders(name) == sorted(nodes.primaries(name))


def test_a_handoff_in_another_region_sees_that_its_primaries_have_it() -> None:
    nodes = Nodes(4, 3, regions={1: 1, 2: 2, 3: 2, 4: 2})
    name = next(
        (name for name in (f"n{i}" for i in range(200)) if 1 not in nodes.primaries(name)), None
    )
    if name is None:
        pytest.skip("this ring has no such partition")
    nodes.put(1, name)
    nodes.replicate(1)
    assert 1 in nodes.holders(name)  # one has it, the others get it from that one
    for number in (2, 3, 4):
        nodes.replicate(number)
    nodes.replicate(1)
    assert nodes.holders(name) == sorted(nodes.primaries(name))


def test_who_has_changed_last_pushes_first(nodes: Nodes) -> None:
    """The others' copies would not be wanted; at the end of the pass they are equal already."""
    one, two, three = nodes.primaries("o")
    for number in (one, two, three):
        nodes.put(number, "o", b"old")
    nodes.replicate_all()
    nodes.world.run_for(10)
    nodes.put(two, "o", b"new", NOW.plus(5))
    work = nodes.replicator(one)
    run, node = nodes.world.run, nodes.node(one)
    while not work._late:
        run(node, work.step)
    nodes.replicate(two)
    run(node, run_to_idle, work)
    assert same_on_primaries(nodes, "o")
    stats = recon.load(nodes.disk(one), f"{RECON}/object.recon")["replication_stats"]
    assert isinstance(stats, dict)
    assert stats["rsync"] == 0
    assert stats["hashmatch"] == 2


def test_a_pass_that_mended_comes_again_soon_and_peace_makes_it_rare(nodes: Nodes) -> None:
    one = nodes.primaries("o")[0]
    nodes.put(one, "o")
    work = nodes.replicator(one, {"interval": 15.0, "busy_interval": 5.0, "quiet_interval": 60.0})
    pauses = []
    for _ in range(4):
        while not isinstance(said := nodes.world.run(nodes.node(one), work.step), Idle):
            pass
        pauses.append(said.seconds)
    assert pauses == [5.0, 15.0, 30.0, 60.0]
