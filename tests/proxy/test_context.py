from __future__ import annotations

from dataclasses import replace

from swiftlite.host.bundle import Host
from swiftlite.proxy.context import Context
from tests.proxy.clusters import Cluster


class SetClock:
    def __init__(self, now: float) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def context_at(cluster: Cluster, clock: SetClock) -> Context:
    host: Host = replace(cluster.host, clock=clock)
    cluster.context.host = host
    return cluster.context


def test_changes_of_one_process_never_share_a_time(cluster: Cluster) -> None:
    context = context_at(cluster, SetClock(1_700_000_000.0))
    times = [context.now() for _ in range(5)]
    assert times == sorted(times)
    assert len(set(times)) == 5


def test_a_clock_set_back_a_little_goes_on_and_set_back_far_is_believed(cluster: Cluster) -> None:
    clock = SetClock(1_700_000_000.0)
    context = context_at(cluster, clock)
    first = context.now()
    clock.now -= 0.5
    assert context.now() > first
    clock.now -= 3600
    assert context.now() < first
