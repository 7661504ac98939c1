"""Replicators of a few nodes against real servers: rows, facts and files come out equal."""

from __future__ import annotations

import os
from typing import Any

import pytest

from swiftlite.dbstore import ContainerBroker, Window
from swiftlite.dbstore.errors import DatabaseMissing
from swiftlite.dbstore.rows import container_row
from swiftlite.dbsync.push import Push
from swiftlite.formats.recon_cache import parse_recon
from swiftlite.vocab.limits import Limits
from tests.dbstore.stores import HASH_PATH, at, names, row
from tests.dbsync.nodes import Make, run_once


def test_rows_of_one_replica_reach_the_others(make: Make) -> None:
    nodes = make()
    for node in nodes:
        node.made()
    nodes[0].container().merge_rows([row(f"o{n}", n) for n in range(20)])
    nodes.replicate_all()
    for node in nodes:
        assert len(names(node.container())) == 20
        assert node.container().facts().hash == nodes[0].container().facts().hash


def test_a_replica_that_is_missing_gets_the_file(make: Make) -> None:
    nodes = make()
    nodes[0].made().merge_rows([row(f"o{n}", n) for n in range(20)])
    stats = nodes[0].replicate()
    assert stats["rsync"] == 2
    assert stats["success"] == 2
    ids = set()
    for node in nodes:
        assert len(names(node.container())) == 20
        ids.add(node.container().facts().id)
    assert len(ids) == 3


def test_after_a_file_came_nothing_is_left_to_do(make: Make) -> None:
    nodes = make()
    nodes[0].made().merge_rows([row(f"o{n}", n) for n in range(20)])
    nodes.replicate_all()
    for stats in nodes.replicate_all():
        assert stats["no_change"] == 2
        assert stats["diff"] == stats["rsync"] == stats["hashmatch"] == stats["failure"] == 0


def test_in_sync_databases_are_told_by_one_comparison_per_node(make: Make) -> None:
    nodes = make()
    for n in range(12):
        nodes[0].made(f"c{n}")
    nodes.replicate_all()
    nodes.replicate_all()
    for node in nodes:
        node.asked.clear()
    stats = nodes[0].replicate()
    assert stats["attempted"] == 12
    assert stats["no_change"] == 24
    assert nodes[1].asked == nodes[2].asked == ["REPLICATE /compare"]


@pytest.mark.parametrize("lanes", [True, False])
def test_rows_written_on_both_sides_are_merged(make: Make, lanes: bool) -> None:
    nodes = make(count=2, replicas=2)
    nodes.lanes = lanes
    for node in nodes:
        node.made().merge_rows([row(f"of-{node.name}", node.number), row("both", node.number)])
    nodes.replicate_all()
    for node in nodes:
        assert names(node.container()) == ["both", "of-sd0", "of-sd1"]
    _, entries = nodes[0].container().listing(Window(100), None)
    assert [entry[1] for entry in entries if entry[0] == "both"] == [at(1).normal]  # type: ignore[index]


def test_a_handoff_goes_once_all_primaries_have_it(make: Make) -> None:
    nodes = make(count=4)
    handoff = nodes.handoff()
    handoff.made().merge_rows([row("o")])
    stats = handoff.replicate()
    assert stats["remove"] == 1
    with pytest.raises(DatabaseMissing):
        handoff.container().facts()
    assert not list((handoff.root / handoff.name / "containers").iterdir())
    for node in nodes.primaries():
        assert names(node.container()) == ["o"]


def test_a_handoff_stays_while_a_primary_lacks_it(make: Make) -> None:
    nodes = make(count=4)
    handoff = nodes.handoff()
    handoff.made().merge_rows([row("o")])
    nodes.primaries()[1].down = 503
    stats = handoff.replicate()
    assert stats["remove"] == 0
    assert stats["failure"] == 1
    assert names(handoff.container()) == ["o"]


def test_handoff_delete_lets_it_go_earlier(make: Make) -> None:
    nodes = make(count=4)
    handoff = nodes.handoff()
    handoff.made().merge_rows([row("o")])
    nodes.primaries()[1].down = 503
    assert handoff.replicate(handoff_delete=2)["remove"] == 1


def test_a_device_that_is_gone_is_replaced_by_a_handoff(make: Make) -> None:
    nodes = make(count=4)
    first, second, _ = nodes.primaries()
    first.made().merge_rows([row("o")])
    second.down = 507
    first.replicate()
    assert names(nodes.handoff().container()) == ["o"]


def test_a_database_of_another_partition_is_brought_home(make: Make) -> None:
    nodes = make()
    wrong = (nodes.ring.partition("a", "c") + 1) % nodes.ring.partition_count
    misplaced = nodes[0].made(partition=wrong)
    misplaced.merge_rows([row("o")])
    nodes[0].replicate()
    for node in nodes:
        assert names(node.container()) == ["o"]
    with pytest.raises(DatabaseMissing):
        misplaced.facts()


def test_metadata_and_timestamps_go_both_ways(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    for node in nodes:
        node.made(seconds=node.number)
        meta = {f"X-Container-Meta-{node.name}": "yes", "X-Container-Meta-Both": node.name}
        node.container().post(at(10 + node.number), meta, Limits(), touch=False)
    nodes[0].replicate()
    facts = [node.container().facts() for node in nodes]
    assert facts[0].metadata == facts[1].metadata
    assert facts[0].metadata["X-Container-Meta-Both"][0] == "sd1"
    assert facts[0].put_timestamp == facts[1].put_timestamp == at(1).internal
    assert nodes[0].replicate()["no_change"] == 1


def test_a_deletion_is_replicated_and_the_database_reclaimed_in_time(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    for node in nodes:
        node.made()
    nodes[0].container().delete(at(5))
    nodes[0].replicate(reclaim_age=1e12)
    assert nodes[1].container().facts().is_deleted
    for node in nodes:
        broker = node.container()
        broker.reported(broker.facts())
        assert node.replicate(reclaim_age=60.0)["remove"] == 1
        with pytest.raises(DatabaseMissing):
            broker.facts()


def test_a_deleted_container_stays_until_its_account_knows(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    nodes[0].made()
    nodes[0].container().delete(at(5))
    assert nodes[0].replicate(reclaim_age=60.0)["remove"] == 0
    assert nodes[0].container().facts().is_deleted


def test_tombstones_past_their_age_are_dropped(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    broker = nodes[0].made()
    broker.merge_rows([row("gone", deleted=1), row("stays")])
    nodes[0].replicate(reclaim_age=60.0)
    assert [found.name for _, found in broker.rows_since(-1, 10)] == ["stays"]


def test_a_replica_far_behind_takes_the_file_into_its_own(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    for node in nodes:
        node.made()
    nodes[0].container().merge_rows([row(f"o{n:04}", n) for n in range(300)])
    nodes[1].container().merge_rows([row("own", 1)])
    before = nodes[1].container().facts().id
    assert nodes[0].replicate(per_diff=50)["remote_merge"] == 1
    assert len(names(nodes[1].container())) == 301
    assert nodes[1].container().facts().id == before
    nodes[1].replicate(per_diff=50)
    assert nodes[0].container().facts().hash == nodes[1].container().facts().hash


def test_rows_beyond_the_batches_of_a_pass_wait_for_the_next(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    for node in nodes:
        node.made().merge_rows([row(f"o{n:04}", n) for n in range(60)])
    nodes.replicate_all()
    nodes[0].container().merge_rows([row(f"p{n:04}", n) for n in range(25)])
    assert nodes[0].replicate(per_diff=10, max_diffs=2)["diff_capped"] == 1
    assert len(names(nodes[1].container())) == 80
    assert nodes[0].replicate(per_diff=10, max_diffs=2)["diff"] == 1
    assert len(names(nodes[1].container())) == 85


def test_a_broken_database_is_set_aside_and_comes_back(make: Make) -> None:
    nodes = make()
    nodes[0].made().merge_rows([row("o")])
    nodes.replicate_all()
    nodes[1].app.engine.close()
    path = nodes[1].root / "sd1" / nodes[1].container().place.path.partition("/sd1/")[2]
    path.write_bytes(b"no database" * 1000)
    stats = nodes[1].replicate()
    assert stats["failure"] == 3
    assert list((nodes[1].root / "sd1" / "quarantined" / "containers").iterdir())
    nodes[0].replicate()
    assert names(nodes[1].container()) == ["o"]


def test_a_broken_database_at_the_other_end_is_replaced_at_once(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    nodes[0].made().merge_rows([row("o")])
    nodes.replicate_all()
    nodes[1].app.engine.close()
    path = nodes[1].root / "sd1" / nodes[1].container().place.path.partition("/sd1/")[2]
    path.write_bytes(b"no database" * 1000)
    nodes[0].replicate()
    assert names(nodes[1].container()) == ["o"]


def test_accounts_are_replicated_too(make: Make) -> None:
    nodes = make(kind="account")
    for node in nodes:
        node.account().put("a", at(0), {}, Limits(), at(0))
    report = container_row("c", at(0).internal, "0", 3, 30)
    nodes[0].account().put_container(report, even_if_deleted=False)
    nodes.replicate_all()
    for node in nodes:
        assert node.account().state().facts.object_count == 3
    assert [stats["no_change"] for stats in nodes.replicate_all()] == [2, 2, 2]


def test_a_node_that_is_dead_is_tried_once_in_a_pass(make: Make) -> None:
    nodes = make()
    for n in range(20):
        nodes[0].made(f"c{n}")
    nodes[1].stop()
    stats = nodes[0].replicate()
    assert (stats["success"], stats["failure"]) == (20, 20)
    assert stats["failure_nodes"] == {"127.0.0.1": {"sd1": 20}}
    complaints = [line for line in nodes[0].lines.lines if "replicating a/" in line]
    assert len(complaints) == 20
    assert all("a moment ago" in line for line in complaints)  # the comparison had tried it


def test_recon_has_swift_s_keys(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    nodes[0].made()
    nodes[0].replicate()
    told = parse_recon((nodes[0].root / "container.recon").read_bytes())
    assert set(told) == {"replication_stats", "replication_time", "replication_last"}
    assert set(nodes[0].stats()) == {
        "attempted", "success", "failure", "ts_repl", "no_change", "hashmatch", "rsync", "diff",
        "remove", "empty", "remote_merge", "start", "diff_capped", "deferred",
    }  # fmt: skip


def test_what_changes_while_a_replicator_runs_is_seen_in_the_next_pass(make: Make) -> None:
    """Its memory holds only for databases at rest."""
    nodes = make(ahead=60)  # so that glances are taken
    nodes[0].made().merge_rows([row("first")])
    work = nodes[0].replicator()
    run_once(work)
    run_once(work)
    assert nodes[0].stats()["no_change"] == 2
    for number in range(5):
        nodes[0].container().merge_rows([row(f"next-{number}", number)])
        run_once(work)
        assert len(names(nodes[2].container())) == number + 2
    work.close()


def test_rows_in_the_wrong_policy_are_queued_for_the_reconciler(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    for node in nodes:
        node.made()
    nodes[0].container().merge_rows([row("o", 1, storage_policy_index=1), row("right", 1)])
    nodes[0].replicate(reclaim_age=1e9)
    queue = str(int(at(1).seconds) // 3600 * 3600)
    digest = HASH_PATH.hex(".misplaced_objects", queue)
    partition = nodes.ring.partition(".misplaced_objects", queue)
    place = nodes[0].app.engine.place("sd0", str(partition), digest)
    queued = ContainerBroker(nodes[0].app.engine, place).rows_since(-1, 10)
    assert [(found.name, found.content_type) for _, found in queued] == [
        ("1:/a/c/o", "application/x-put")
    ]
    assert nodes[0].container().facts().reconciler_sync_point == 2
    nodes[0].replicate(reclaim_age=1e9)
    far = nodes[1].app.engine.place("sd1", str(partition), digest)
    assert len(ContainerBroker(nodes[1].app.engine, far).rows_since(-1, 10)) == 1


def test_the_link_of_a_container_that_syncs_follows_its_database(make: Make) -> None:
    nodes = make(count=4)
    handoff = nodes.handoff()
    handoff.made()
    sync = {"X-Container-Sync-To": "//realm/cluster/a/c", "X-Container-Sync-Key": "key"}
    handoff.container().post(at(1), sync, Limits(), touch=False)
    nodes.primaries()[0].down = 503
    handoff.replicate()
    links = handoff.root / handoff.name / "sync_containers"
    assert [path for path in links.rglob("*.db") if path.is_symlink()]
    nodes.primaries()[0].down = 0
    handoff.replicate()
    assert not [path for path in links.rglob("*.db") if path.is_symlink()]


def test_a_file_of_many_blocks_arrives_whole(make: Make) -> None:
    nodes = make(count=2, replicas=2)
    rows = [row(f"{'long-' * 30}{n:05}", n) for n in range(8000)]
    nodes[0].made().merge_rows(rows)
    assert nodes[0].replicate()["rsync"] == 1
    nodes[1].app.engine.close()
    assert os.path.getsize(nodes[1].container().place.path) > 3 << 20
    assert nodes[1].container().facts().hash == nodes[0].container().facts().hash
    for node in nodes:
        assert not os.listdir(node.root / node.name / "tmp")


def test_handoffs_only_leaves_what_is_at_home(make: Make) -> None:
    nodes = make(count=4)
    handoff, home = nodes.handoff(), nodes.primaries()[0]
    handoff.made()
    home.made("c")
    assert home.replicate(handoffs_only=True)["attempted"] == 0
    assert handoff.replicate(handoffs_only=True)["remove"] == 1


def test_partitions_may_be_chosen(make: Make) -> None:
    nodes = make()
    for n in range(6):
        nodes[0].made(f"c{n}")
    chosen = nodes.ring.partition("a", "c0")
    same = sum(nodes.ring.partition("a", f"c{n}") == chosen for n in range(6))
    work = nodes[0].replicator(partitions=frozenset((chosen,)))
    run_once(work)
    work.close()
    assert nodes[0].stats()["attempted"] == same


def test_leftovers_of_the_dead_are_removed_in_time(make: Make) -> None:
    nodes = make(count=1, replicas=1, ahead=1000)
    tmp = nodes[0].root / "sd0" / "tmp"
    (tmp / ".database-dir").mkdir(parents=True)
    (tmp / ".database-dir" / "x.db").write_bytes(b"x")
    (tmp / "some-id").write_bytes(b"x")
    (tmp / "a-directory-of-others").mkdir()
    nodes[0].replicate(reclaim_age=10_000.0)
    assert len(os.listdir(tmp)) == 3
    nodes[0].replicate(reclaim_age=500.0)
    assert os.listdir(tmp) == ["a-directory-of-others"]


def test_a_handoff_that_changed_while_it_was_sent_stays(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = make(count=4)
    handoff = nodes.handoff()
    handoff.made().merge_rows([row("o")])
    to_node = Push.to_node

    def meanwhile(self: Any, broker: Any, *rest: Any, **more: Any) -> bool:  # noqa: ANN401
        done = to_node(self, broker, *rest, **more)
        broker.merge_rows([row("late", 1)])
        return done

    monkeypatch.setattr(Push, "to_node", meanwhile)
    assert handoff.replicate()["remove"] == 0
    monkeypatch.setattr(Push, "to_node", to_node)
    assert handoff.replicate()["remove"] == 1
    assert names(nodes.primaries()[2].container()) == ["late", "o"]


def test_between_passes_no_database_is_held_open(make: Make) -> None:
    """Or its device could not be unmounted."""
    nodes = make(count=1, replicas=1)
    nodes[0].made().merge_rows([row("o")])
    work = nodes[0].replicator()
    run_once(work)
    nodes[0].app.engine.close()
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in _descriptors()]
    assert not [path for path in held if path.startswith(str(nodes[0].root / "sd0"))]
    work.close()


def _descriptors() -> list[str]:
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]
