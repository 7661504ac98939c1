"""A simulated link carries so many bytes a second, whatever the number of streams over it."""

from __future__ import annotations

import pytest

from swiftlite.testing.sim_host import SimNode, World

PORT = 6200


def _take_all(node: SimNode, count: int) -> None:
    listener = node.net.listen((node.ip, PORT))
    for _ in range(count):
        stream = listener.accept()
        node.tasks.spawn(_drain, stream)


def _drain(stream: object) -> None:
    while stream.recv(1 << 16):  # type: ignore[attr-defined]  # a Stream
        pass


def _send(node: SimNode, to: str, size: int) -> None:
    stream = node.net.connect((to, PORT), 5.0)
    stream.send_all(bytes(size))
    stream.close()


@pytest.mark.parametrize("streams", [1, 3])
def test_a_link_is_shared_by_all_that_goes_over_it(streams: int) -> None:
    world = World(1)
    world.network.rate = 1e6
    one, other = world.node("10.0.0.1"), world.node("10.0.0.2")
    other.tasks.spawn(_take_all, other, streams)
    world.run_for(0.1)
    begun = world.clock.monotonic()

    def send() -> None:
        tasks = [one.tasks.spawn(_send, one, other.ip, 1_000_000) for _ in range(streams)]
        for task in tasks:
            task.wait()

    world.run(one, send)
    took = world.clock.monotonic() - begun
    # What fits into the streams' windows is on the way still.
    assert streams - 0.3 * streams < took < streams + 0.1
    assert world.network.carried[one.ip, other.ip] == streams * 1_000_000


def test_without_a_rate_only_the_delay_counts() -> None:
    world = World(1)
    one, other = world.node("10.0.0.1"), world.node("10.0.0.2")
    other.tasks.spawn(_take_all, other, 1)
    world.run_for(0.1)
    begun = world.clock.monotonic()
    world.run(one, _send, one, other.ip, 1_000_000)
    assert world.clock.monotonic() - begun < 0.1
