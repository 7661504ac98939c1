"""What a pass leaves for recon."""

from __future__ import annotations

from swiftlite.obj.replicator.stats import Stats, recon_of, recon_of_workers, total
from tests.obj.replicator.nodes import device_of, make_ring

RING = make_ring(3, 3)
ONE, TWO = device_of(RING, 1), device_of(RING, 2)


def test_devices_are_counted_once_a_job() -> None:
    stats = Stats()
    stats.finish_job([ONE, TWO, TWO], [TWO, TWO])
    stats.finish_job([ONE], [])
    assert (stats.success, stats.failure) == (2, 1)
    assert stats.failure_nodes == {"10.0.0.2": {"d2": 1}}


def test_totals_add_up() -> None:
    first, second = Stats(attempted=1, hashmatch=2), Stats(attempted=3)
    first.finish_job([ONE], [ONE])
    second.finish_job([ONE], [ONE])
    whole = total([first, second])
    assert (whole.attempted, whole.hashmatch, whole.failure) == (4, 2, 2)
    assert whole.failure_nodes == {"10.0.0.1": {"d1": 2}}


def test_a_node_with_workers_reports_when_all_have() -> None:
    entry = recon_of(Stats(attempted=2, success=1), 3.0, 100.0)
    later = recon_of(Stats(attempted=5), 1.0, 200.0)
    assert recon_of_workers({"d1": entry}, ["d1", "d2"]) == {}
    assert recon_of_workers("nonsense", ["d1"]) == {}
    found = recon_of_workers({"d1": entry, "d2": later, "old": entry}, ["d1", "d2"])
    assert found["object_replication_time"] == 1.0
    assert found["object_replication_last"] == 100.0
    counts = found["replication_stats"]
    assert isinstance(counts, dict)
    assert counts["attempted"] == 7
