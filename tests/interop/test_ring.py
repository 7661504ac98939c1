"""Rings and builders beside an installed OpenStack Swift, in both directions.

tools/interop/ring_versus.py does the same on many more clusters.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from swiftlite.ring import Ring, RingBuilder
from swiftlite.vocab.hashing import HashPath

TOOL = Path(__file__).parents[2] / "tools" / "interop" / "ring_versus.py"

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = util.spec_from_file_location("ring_versus", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["ring_versus"] = util.module_from_spec(spec)  # Its dataclasses ask.
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def peer(tool: ModuleType, swift_python: str) -> Iterator[Any]:
    found = tool.Peer(swift_python)
    yield found
    found.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_random_cluster_goes_through_the_same_commands(
    tool: ModuleType, peer: object, tmp_path: Path, seed: int
) -> None:
    """What must hold without exception: files, look-ups, exit codes, soundness."""
    totals: Counter[str] = Counter()
    cluster = tool.Cluster(peer, tmp_path, seed, totals)
    cluster.create()
    for step in range(6):
        cluster.step = step
        assert cluster.one_step()
    hard = ("exit", "look-up", "violations", "their reading of a builder")
    assert not [name for name in totals if name.removeprefix("DIFFERENCE ") in hard]
    assert totals["steps"] == 6


@pytest.mark.parametrize("version", [1, 2])
def test_a_builder_of_swift_goes_on_with_ours_and_back(
    tool: ModuleType,
    peer: Any,  # noqa: ANN401 - a class of the tool's module
    tmp_path: Path,
    version: int,
) -> None:
    path, ring_path = str(tmp_path / "o.builder"), str(tmp_path / "o.ring.gz")
    now = 1_700_000_000.0

    def theirs(*words: str) -> int:
        answer = peer.ask("command", args=[path, *words], now=now)
        return int(answer["code"])

    assert theirs("create", "8", "3", "1") == 0
    for number in range(8):
        where = f"r1z{number % 4}-10.0.0.{number}:6200/sd{number}"
        assert theirs("add", where, "100") == 0
    assert theirs("rebalance") == 0
    now += 7200
    assert tool.ours([path, "add", "r1z4-10.0.1.1:6200/new", "100"], now)[0] == 0
    assert tool.ours([path, "rebalance", "--format-version", str(version)], now)[0] == 0
    assert theirs("validate") == 0
    now += 7200
    assert theirs("set_weight", "d0", "0") == 0
    assert theirs("rebalance", "--format-version", str(version)) in (0, 1)
    builder = RingBuilder.load(path)
    assert not list(builder.violations())
    ring = Ring.load(ring_path, HashPath(b"changeme", b"changeme"))
    assert ring.version == builder.version
    partitions = list(range(0, 256, 17))
    answer = peer.ask("ring", path=ring_path, partitions=partitions)
    assert answer["nodes"] == [
        [
            [device.id for device in ring.primaries(partition)],
            [[h.device.id, h.handoff_index] for h in ring.handoffs(partition)],
        ]
        for partition in partitions
    ]
