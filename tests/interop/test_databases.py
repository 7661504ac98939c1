"""Account and container databases replicated between swiftlite and OpenStack Swift, both ways."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftlite.container.account_update import stamped
from swiftlite.dbstore import ContainerBroker
from swiftlite.dbstore.rows import container_row
from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.protocols.db_sync import Replica
from swiftlite.protocols.policy_choice import policy_of_other_wins
from swiftlite.vocab.limits import Limits
from tests.dbstore.stores import at, names, row
from tests.dbsync.nodes import Node
from tests.interop.swift_nodes import PEER, SWIFT_CONF, MixedNodes, SwiftNode

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("rsync") is None, reason="needs rsync"),
]
Make = Callable[..., MixedNodes]


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def make(tmp_path: Path, host: Host, swift_python: str) -> Iterator[Make]:
    made: list[MixedNodes] = []

    def one(**options: Any) -> MixedNodes:  # noqa: ANN401  # of MixedNodes
        made.append(MixedNodes(tmp_path / f"cluster{len(made)}", host, swift_python, **options))
        return made[-1]

    yield one
    for nodes in made:
        nodes.close()


def two(make: Make) -> tuple[MixedNodes, Node, SwiftNode]:
    nodes = make(count=2, replicas=2)
    return nodes, nodes.ours(0), nodes.swift(1)


def make_there(swift: SwiftNode, policy: int = 0) -> None:
    status = swift.ask("PUT", "a/c", at(0).internal, X_Backend_Storage_Policy_Index=str(policy))
    assert status == 201


def put_there(swift: SwiftNode, name: str, seconds: float = 0, size: int = 1) -> None:
    fields = {"X_Size": str(size), "X_Content_Type": "text/plain", "X_Etag": "etag"}
    assert swift.ask("PUT", f"a/c/{name}", at(seconds).internal, **fields) == 201


def fill(swift: SwiftNode, count: int) -> None:
    """So many rows in one call."""
    rows = [row(f"o{n:05}", n)._asdict() for n in range(count)]
    assert swift.send("UPDATE", "a/c", at(0).internal, {}, json.dumps(rows).encode()) == 202


def assert_equal(ours: ContainerBroker, theirs: dict[str, Any]) -> None:
    """Rows, hash, timestamps, policy and metadata of both replicas."""
    rows = [row._asdict() for _, row in ours.rows_since(-1, 1_000_000)]
    assert sorted(rows, key=str) == theirs["rows"]
    own, info = ours.standing().replica, theirs["info"]
    for name in ("hash", "created_at", "put_timestamp", "delete_timestamp"):
        assert getattr(own, name) == info[name], name
    assert own.storage_policy_index == info["storage_policy_index"]
    stored = ours.facts().metadata
    assert {name: list(pair) for name, pair in stored.items()} == _metadata(info)


def _metadata(info: dict[str, Any]) -> dict[str, list[str]]:
    return dict(json.loads(info["metadata"] or "{}"))


def test_our_rows_go_to_swift(make: Make) -> None:
    nodes, ours, swift = two(make)
    make_there(swift)
    ours.made().merge_rows([row(f"o{n:03}", n) for n in range(150)])
    ours.container().post(at(9), {"X-Container-Meta-Colour": "bl\u00fc"}, Limits(), touch=False)
    stats = ours.replicate(per_diff=40, **nodes.options)
    assert (stats["success"], stats["failure"]) == (1, 0)
    assert_equal(ours.container(), swift.rows("a/c"))
    assert ours.replicate(**nodes.options)["no_change"] == 1


def test_our_file_goes_to_swift_by_rsync(make: Make) -> None:
    nodes, ours, swift = two(make)
    ours.made().merge_rows([row(f"o{n:03}", n) for n in range(150)])
    stats = ours.replicate(**nodes.options)
    assert (stats["rsync"], stats["success"]) == (1, 1)
    assert_equal(ours.container(), swift.rows("a/c"))
    assert ours.replicate(**nodes.options)["no_change"] == 1


def test_our_file_is_merged_by_swift(make: Make) -> None:
    nodes, ours, swift = two(make)
    make_there(swift)
    put_there(swift, "own", 3)
    ours.made().merge_rows([row(f"o{n:03}", n) for n in range(150)])
    stats = ours.replicate(per_diff=20, **nodes.options)
    assert (stats["remote_merge"], stats["success"]) == (1, 1)
    assert len(swift.rows("a/c")["rows"]) == 151
    swift.replicate()
    assert_equal(ours.container(), swift.rows("a/c"))


def test_swift_s_rows_come_to_us(make: Make) -> None:
    _, ours, swift = two(make)
    make_there(swift)
    ours.made()
    fill(swift, 25)
    meta = {"X_Container_Meta_Colour": "blue", "X_Container_Read": ".r:*"}
    assert swift.ask("POST", "a/c", at(30).internal, **meta) == 204
    said = swift.replicate("per_diff=26")
    assert said["faults"] == []
    assert said["stats"]["success"] == 1
    assert_equal(ours.container(), swift.rows("a/c"))
    assert swift.replicate()["stats"]["no_change"] == 1


def test_swift_s_file_comes_to_us_by_rsync(make: Make) -> None:
    _, ours, swift = two(make)
    make_there(swift)
    fill(swift, 25)
    said = swift.replicate()
    assert (said["stats"]["rsync"], said["stats"]["success"], said["faults"]) == (1, 1, [])
    assert_equal(ours.container(), swift.rows("a/c"))
    assert ours.container().facts().id != swift.rows("a/c")["info"]["id"]
    assert swift.replicate()["stats"]["no_change"] == 1


def test_swift_s_file_is_merged_by_us(make: Make) -> None:
    nodes, ours, swift = two(make)
    make_there(swift)
    ours.made().merge_rows([row("own", 3)])
    before = ours.container().facts().id
    fill(swift, 2000)  # Swift gives the other side 0.5 ms a row to merge them
    said = swift.replicate("per_diff=500")
    assert (said["stats"]["remote_merge"], said["stats"]["success"]) == (1, 1)
    assert len(names(ours.container())) == 2001
    assert ours.container().facts().id == before
    ours.replicate(**nodes.options)
    assert_equal(ours.container(), swift.rows("a/c"))


def test_rows_on_both_sides_meet(make: Make) -> None:
    nodes, ours, swift = two(make)
    make_there(swift)
    put_there(swift, "of-swift", 1)
    put_there(swift, "both", 2, 22)
    ours.made().merge_rows([row("of-ours", 1), row("both", 3, 33), row("gone", 4, deleted=1)])
    put_there(swift, "gone", 3)
    ours.replicate(**nodes.options)
    swift.replicate()
    ours.replicate(**nodes.options)
    assert_equal(ours.container(), swift.rows("a/c"))
    assert names(ours.container()) == ["both", "of-ours", "of-swift"]


@pytest.mark.parametrize("ours_first", [True, False])
def test_both_choose_the_same_policy(make: Make, ours_first: bool) -> None:
    nodes, ours, swift = two(make)
    make_there(swift, policy=1)
    ours.made(seconds=-5 if ours_first else 5)
    ours.replicate(**nodes.options)
    swift.replicate()
    ours.replicate(**nodes.options)
    assert ours.container().facts().storage_policy_index == (0 if ours_first else 1)
    assert_equal(ours.container(), swift.rows("a/c"))


def test_a_handoff_of_swift_s_goes_once_we_have_it(make: Make) -> None:
    nodes = make(count=4, swift=(0, 1, 2, 3)[3:], replicas=3)
    swift = nodes.swift(3)
    name = next(
        f"c{n}" for n in range(200) if all(node.number != 3 for node in nodes.primaries(f"c{n}"))
    )
    assert swift.ask("PUT", f"a/{name}", at(0).internal) == 201
    said = swift.replicate()
    assert (said["stats"]["remove"], said["stats"]["failure"]) == (1, 0)
    for node in nodes.primaries(name):
        assert node.container(name).facts().put_timestamp == at(0).internal


def test_accounts_meet(make: Make) -> None:
    nodes = make(kind="account", count=2, replicas=2)
    ours, swift = nodes.ours(0), nodes.swift(1)
    assert swift.ask("PUT", "a", at(0).internal, X_Account_Meta_Colour="blue") == 201
    ours.account().put("a", at(1), {"X-Account-Meta-Size": "large"}, Limits(), at(1))
    put = stamped(at(1).internal, 1_750_000_000.0)
    report = container_row("of-ours", put, "0", 3, 30)
    ours.account().put_container(report, even_if_deleted=False)
    fields = {"X_Object_Count": "4", "X_Bytes_Used": "44", "X_Delete_Timestamp": "0"}
    status = swift.ask(
        "PUT", "a/of-swift", at(2).internal, X_Put_Timestamp=at(2).internal, **fields
    )
    assert status == 201
    ours.replicate(**nodes.options)
    assert swift.replicate()["faults"] == []
    facts, theirs = ours.account().state().facts, swift.rows("a")["info"]
    for name in ("hash", "put_timestamp", "object_count", "bytes_used"):
        assert getattr(facts, name) == theirs[name], name
    assert (facts.object_count, facts.bytes_used) == (7, 74)
    assert {name: list(pair) for name, pair in facts.metadata.items()} == _metadata(theirs)


def test_policies_win_as_they_do_in_swift(swift_python: str, tmp_path: Path) -> None:
    """Every order of creation, deletion and change of status on both sides."""
    (tmp_path / "swift.conf").write_text(SWIFT_CONF)
    times = ("0000000000.00000", at(1).internal, at(2).internal, at(3).internal)
    sides = [
        Replica(1, "h", "i", put, put, delete, "", changed, count, policy)
        for put, delete, changed, count, policy in itertools.product(
            times[1:], times, times[1:], (0, 1), (0, 1)
        )
    ]
    pairs = list(itertools.product(sides, sides))
    command = [swift_python, str(PEER), "policies", str(tmp_path)]
    asked = json.dumps([[dataclasses.asdict(side) for side in pair] for pair in pairs])
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert [policy_of_other_wins(*pair) for pair in pairs] == theirs
