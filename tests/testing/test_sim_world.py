"""Nodes of a simulated world: time, partitions, kills, power, replay."""

from __future__ import annotations

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.net import ConnectFailed, DeadlinePassed, PeerGone, Stream
from swiftlite.testing.sim_faults import PowerCut
from swiftlite.testing.sim_host import SimNode, World
from swiftlite.testing.sim_tasks import Stuck

ONE, TWO = "10.0.0.1", "10.0.0.2"
ADDRESS = (TWO, 6200)


def _echo(host: Host) -> None:
    listener = host.net.listen(ADDRESS)
    while True:
        host.tasks.spawn(_answer, listener.accept())


def _answer(stream: Stream) -> None:
    try:
        while data := stream.recv(1000):
            stream.send_all(data.upper())
    except PeerGone:
        pass
    finally:
        stream.close()


def _ask(host: Host, question: bytes) -> bytes:
    stream = host.net.connect(ADDRESS, 1.0)
    stream.deadline = host.clock.monotonic() + 5.0
    try:
        stream.send_all(question)
        return stream.recv(1000)
    finally:
        stream.close()


def _world(seed: int = 1) -> tuple[World, SimNode, SimNode]:
    world = World(seed)
    client, server = world.node(ONE), world.node(TWO)
    server.tasks.spawn(_echo, server.host)
    world.run_for(0.01)
    return world, client, server


def test_nodes_talk() -> None:
    world, client, _ = _world()
    assert world.run(client, _ask, client.host, b"hello") == b"HELLO"


def test_hours_pass_at_once_and_clocks_may_differ() -> None:
    world = World(1)
    node, other = world.node(ONE), world.node(TWO, skew=-30.0)
    before = node.host.clock.wall()
    world.run(node, node.tasks.sleep, 7200.0)
    assert node.host.clock.wall() - before == pytest.approx(7200.0)
    assert other.host.clock.wall() == node.host.clock.wall() - 30.0


def test_a_partition_is_silence_and_heals() -> None:
    world, client, _ = _world()
    world.network.part(ONE, TWO)
    with pytest.raises(DeadlinePassed) as caught:
        world.run(client, _ask, client.host, b"hello")
    assert caught.value.__notes__ == ["simulated with seed 1"]
    world.network.heal()
    assert world.run(client, _ask, client.host, b"again") == b"AGAIN"


def test_what_a_partition_held_up_arrives_later() -> None:
    world, client, _ = _world()
    stream = world.run(client, client.net.connect, ADDRESS, 1.0)
    world.network.part(ONE, TWO)
    stream.send_all(b"slow")
    world.run_for(60.0)
    world.network.heal()
    assert world.run(client, stream.recv, 10) == b"SLOW"


def test_a_killed_process_closes_its_connections() -> None:
    world, client, server = _world()
    stream = world.run(client, client.net.connect, ADDRESS, 1.0)
    server.kill()
    assert world.run(client, stream.recv, 10) == b""
    with pytest.raises(ConnectFailed, match="refused"):
        world.run(client, _ask, client.host, b"hello")
    assert server.tasks.running == {}


def test_a_node_without_power_is_silent_until_it_is_back() -> None:
    world, client, server = _world()
    stream = world.run(client, client.net.connect, ADDRESS, 1.0)
    server.cut_power()
    stream.deadline = world.clock.monotonic() + 5.0
    with pytest.raises(DeadlinePassed):
        world.run(client, stream.recv, 10)
    with pytest.raises(DeadlinePassed):
        world.run(client, _ask, client.host, b"hello")
    with pytest.raises(PowerCut):
        server.disk.listdir("/")
    server.power_on()
    stream.deadline = world.clock.monotonic() + 5.0
    with pytest.raises(DeadlinePassed):  # half-open: nothing tells the reader
        world.run(client, stream.recv, 10)
    stream.deadline = None
    stream.send_all(b"anybody?")
    with pytest.raises(PeerGone):
        world.run(client, stream.recv, 10)
    server.tasks.spawn(_echo, server.host)
    world.run_for(0.01)
    assert world.run(client, _ask, client.host, b"hello") == b"HELLO"


def test_a_test_may_itself_be_a_task() -> None:
    world, client, server = _world()

    def drive() -> bytes:
        server.kill()
        server.tasks.spawn(_echo, server.host)
        client.tasks.sleep(0.01)
        return _ask(client.host, b"hello")

    assert world.run(client, drive) == b"HELLO"


def test_what_cannot_go_on_is_said() -> None:
    world = World(3)
    node = world.node(ONE)
    with pytest.raises(Stuck, match=r"waited for: .*event"):
        world.run(node, node.tasks.event().wait)


def _trace(seed: int) -> list[tuple[float, int]]:
    world, client, _ = _world(seed)
    world.network.loss = 0.2
    trace: list[tuple[float, int]] = []

    def ask(number: int) -> None:
        _ask(client.host, b"x" * 100)
        trace.append((world.clock.now, number))

    for task in [client.tasks.spawn(ask, number) for number in range(10)]:
        task.wait()
    return trace


def test_a_seed_replays_exactly_and_another_does_not() -> None:
    assert _trace(5) == _trace(5)
    orders = {tuple(number for _, number in _trace(seed)) for seed in range(4)}
    assert len(orders) > 1


def test_a_lock_on_a_disk_waits_in_simulated_time() -> None:
    world = World(2)
    node = world.node(ONE)
    order: list[str] = []

    def hold(name: str, seconds: float) -> None:
        with node.disk.flock("/.lock", 10.0):
            order.append(name)
            node.tasks.sleep(seconds)

    first = node.tasks.spawn(hold, "first", 3.0)
    world.run_for(0.1)
    second = node.tasks.spawn(hold, "second", 0.0)
    world.run_for(1.0)
    assert order == ["first"]
    first.wait()
    second.wait()
    assert order == ["first", "second"]
