"""Some hours in the life of the whole cluster, as one seed has them, and what came of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from swiftlite.cli.embedded.daemons import DAEMONS, EXPIRER
from tests.sim.whole_clients import CONTAINERS, Client
from tests.sim.whole_cluster import NODES, Settings, WholeCluster, node_ip
from tests.sim.whole_faults import Breaker
from tests.sim.whole_verdict import Verdict

CLIENTS = 4
HOURS = 5.0
CALM_S = 7200.0
"""How long a cluster may take to mend everything once nothing goes wrong any more."""
_LOOK_S = 600.0


@dataclass(frozen=True)
class Outcome:
    """hours: simulated. mended: seconds from the last fault to the look that found all right."""

    hours: float
    mended: float
    requests: Counter[str]
    faults: Counter[str]
    passes: int


class Story:
    """hours: of work and faults; the calm afterwards comes on top."""

    def __init__(self, seed: int, hours: float = HOURS) -> None:
        self.seed = seed
        self._seconds = hours * 3600
        self._chance = random.Random(f"story {seed}")
        self._widest = self._chance.choice((0.0, 2.0, 300.0))

    def settings(self) -> Settings:
        chance = self._chance
        intervals = {
            daemon.name: chance.uniform(*_INTERVALS.get(daemon.name, (900.0, 1800.0)))
            for daemon in DAEMONS
        }
        ips = [*map(node_ip, range(1, NODES + 1)), "10.0.1.1", "10.0.1.2"]
        skews = {ip: chance.uniform(-self._widest, self._widest) for ip in ips}
        proxy = {"hash_once": chance.random() < 0.5}
        return Settings(
            intervals,
            skews,
            proxy,
            reclaim_age=chance.choice(_RECLAIM_AGES),
            report_interval=chance.choice((0.0, 1.0)),
        )

    def run(self) -> Outcome:
        """Raises AssertionError with what is wrong."""
        try:
            with WholeCluster(self.seed, self.settings()) as cluster:
                return self._run(cluster)
        except BaseException as error:
            error.add_note(f"simulated with seed {self.seed}")
            raise

    def _run(self, cluster: WholeCluster) -> Outcome:
        world, verdict = cluster.world, Verdict(cluster)
        clients = [self._client(number, cluster) for number in range(CLIENTS)]
        self._make_containers(cluster)
        breaker = Breaker(
            cluster, verdict, random.Random(f"faults {self.seed}"), (60.0, 900.0), (1.0, 600.0)
        )
        until = world.clock.monotonic() + self._seconds
        tasks = [cluster.proxies[0].node.tasks.spawn(breaker.run, until)]
        tasks += [client.proxy.node.tasks.spawn(client.run, until) for client in clients]
        for task in tasks:
            task.wait()
        mended = self._calm(cluster, verdict, clients)
        requests = sum((client.counts for client in clients), Counter())
        hours = world.clock.monotonic() / 3600
        return Outcome(hours, mended, requests, breaker.done, cluster.passes)

    def _client(self, number: int, cluster: WholeCluster) -> Client:
        proxy = cluster.proxies[number % len(cluster.proxies)]
        chance = random.Random(f"client {self.seed} {number}")
        # A clock may be set from one end of the range to the other.
        return Client(number, proxy, chance, (10.0, 900.0), 2 * self._widest + 1)

    def _make_containers(self, cluster: WholeCluster) -> None:
        proxy = cluster.proxies[0]
        for container in CONTAINERS:
            answer = cluster.world.run(proxy.node, proxy.ask, "PUT", container)
            assert answer.status == 201, answer.status

    def _calm(self, cluster: WholeCluster, verdict: Verdict, clients: list[Client]) -> float:
        """Let the passes work until all is right."""
        began = cluster.world.clock.monotonic()
        while True:
            cluster.world.run_for(_LOOK_S)
            took = cluster.world.clock.monotonic() - began
            wrong = verdict.faults(clients)
            if not wrong:
                break
            assert took < CALM_S, wrong
        never = [line for client in clients for line in client.wrong]
        assert not never, never
        assert not cluster.lines.mistakes, cluster.lines.mistakes[0]
        return took


_RECLAIM_AGES = (604_800.0, 604_800.0, 10_800.0)
_INTERVALS = {
    "object-auditor": (1200.0, 3600.0),
    "container-auditor": (1200.0, 3600.0),
    "account-auditor": (1200.0, 3600.0),
    "account-reaper": (3600.0, 3600.0),
    EXPIRER: (600.0, 1200.0),
}
