"""A proxy and its object servers while nodes die, vanish and come back.

Whatever happens to one node at a time, or to the power of all: an acknowledged PUT or DELETE is
what a client sees afterwards, unless a later change, acknowledged or not, has come over it; and no
client is ever given something that nobody wrote.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from swiftlite.testing.sim_host import SimNode
from tests.sim.cluster import SimCluster

NAMES = ("a", "b", "c")
GONE = None


@dataclass
class History:
    """What was tried with one name, in order: the state it asks for, and whether it was granted."""

    tries: list[tuple[bytes | None, bool]] = field(default_factory=lambda: [(GONE, True)])

    def possible(self) -> set[bytes | None]:
        """The states that a client may see now."""
        last = max(index for index, (_, granted) in enumerate(self.tries) if granted)
        return {state for state, _ in self.tries[last:]}


class Chaos:
    """Clients, and somebody who breaks one node at a time."""

    def __init__(self, seed: int) -> None:
        self.cluster = SimCluster(seed, hash_once=seed % 4 < 2)
        self.world = self.cluster.world
        self.chance = random.Random(f"chaos {seed}")
        self.histories = {name: History() for name in NAMES}
        self.wrong: list[str] = []
        self.number = 0
        self.granted = 0

    def client(self, name: str) -> None:
        """Changes one name again and again; reads it now and then."""
        history = self.histories[name]
        for _ in range(12):
            self.cluster.proxy.tasks.sleep(self.chance.random() * 3)
            verb = self.chance.choice(("PUT", "PUT", "DELETE", "GET", "GET"))
            if verb == "GET":
                self.look(name, history)
            elif verb == "PUT":
                self.number += 1
                body = b"%s %d " % (name.encode(), self.number)
                body *= self.chance.choice((1, 2_000, 30_000))
                history.tries.append((body, False))
                self.settle(history, self.cluster.ask("PUT", name, body).status == 201)
            else:
                history.tries.append((GONE, False))
                self.settle(history, self.cluster.ask("DELETE", name).status in (204, 404))

    def settle(self, history: History, granted: bool) -> None:
        state, _ = history.tries[-1]
        history.tries[-1] = (state, granted)
        self.granted += granted

    def look(self, name: str, history: History) -> None:
        """Whatever is read must have been written, whole."""
        answer = self.cluster.ask("GET", name)
        if answer.status == 200:
            length = answer.headers["content-length"]
            whole = len(answer.body) == int(length)
            if whole and answer.body not in {state for state, _ in history.tries}:
                self.wrong.append(f"{name}: {answer.body[:40]!r}")

    def breaker(self) -> None:
        """One fault after the other, each healed before the next."""
        for _ in range(6):
            self.cluster.proxy.tasks.sleep(self.chance.random() * 4)
            node = self.world.node(self.chance.choice(self.cluster.ips))
            faults = (self.kill, self.cut_power, self.part, self.be_slow, self.cut_all_power)
            self.chance.choice(faults)(node)

    def pause(self) -> None:
        self.cluster.proxy.tasks.sleep(self.chance.random() * 8)

    def kill(self, node: SimNode) -> None:
        node.kill()
        self.pause()
        self.cluster.start(node)

    def cut_power(self, node: SimNode) -> None:
        node.cut_power()
        self.pause()
        node.power_on()
        self.cluster.start(node)

    def cut_all_power(self, node: SimNode) -> None:
        for ip in self.cluster.ips:
            self.world.node(ip).cut_power()
        self.pause()
        for ip in self.cluster.ips:
            self.world.node(ip).power_on()
            self.cluster.start(self.world.node(ip))

    def part(self, node: SimNode) -> None:
        self.world.network.part(node.ip, self.cluster.proxy.ip)
        self.pause()
        self.world.network.heal()

    def be_slow(self, node: SimNode) -> None:
        self.world.network.loss = 0.3
        self.pause()
        self.world.network.loss = 0.0

    def run(self) -> None:
        tasks = [self.cluster.proxy.tasks.spawn(self.client, name) for name in NAMES]
        tasks.append(self.cluster.proxy.tasks.spawn(self.breaker))
        for task in tasks:
            task.wait()
        self.world.run_for(120.0)  # nodes that failed are trusted again

    def check(self) -> None:
        """With all nodes, and again while each of them is down."""
        assert self.wrong == []
        self.check_states()
        for ip in self.cluster.ips:
            node = self.world.node(ip)
            node.kill()
            self.check_states()
            self.cluster.start(node)
            self.world.run_for(120.0)

    def check_states(self) -> None:
        for name, history in self.histories.items():
            state = self.world.run(self.cluster.proxy, self.newest, name)
            assert state in history.possible(), f"{name}: {state and state[:40]!r}"

    def newest(self, name: str) -> bytes | None:
        answer = self.cluster.ask("GET", name, X_Newest="true")
        assert answer.status in (200, 404), f"{name}: {answer.status}"
        return answer.body if answer.status == 200 else GONE


def test_the_simulated_cluster_serves() -> None:
    cluster = SimCluster(1)

    def tour() -> None:
        assert cluster.ask("GET", "o").status == 404
        assert cluster.ask("PUT", "o", b"hello").status == 201
        assert cluster.ask("GET", "o").body == b"hello"
        assert cluster.ask("DELETE", "o").status == 204
        assert cluster.ask("GET", "o").status == 404

    cluster.world.run(cluster.proxy, tour)
    assert cluster.world.scheduler.failures == []


@pytest.mark.parametrize("seed", range(8))
def test_faults_lose_nothing_acknowledged(seed: int) -> None:
    chaos = Chaos(seed)
    chaos.run()
    chaos.check()
    assert chaos.granted > 5, "hardly anything was acknowledged"
