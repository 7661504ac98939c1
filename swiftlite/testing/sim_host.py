"""A whole world: nodes with disks over one network, in one thread, from one seed.

    world = World(seed=7)
    node = world.node("10.0.0.1")
    world.run(node, program, node.host)

A failure in run() carries the seed; the seed and the commit replay it exactly.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from swiftlite.host.bundle import Host
from swiftlite.testing.sim_clock import SimClock, SimEntropy, SimProcess, SkewedClock
from swiftlite.testing.sim_disk import SimDisk
from swiftlite.testing.sim_net import Network, SimNet
from swiftlite.testing.sim_nodes import Losing
from swiftlite.testing.sim_tasks import Scheduler, SimTasks

T = TypeVar("T")


class World:
    """What all nodes share."""

    def __init__(self, seed: int, *, ordered_disks: bool = False) -> None:
        self.seed = seed
        self.clock = SimClock()
        self.scheduler = Scheduler(self.clock, seed)
        self.network = Network(self.scheduler, seed)
        self.nodes: dict[str, SimNode] = {}
        self._ordered_disks = ordered_disks

    def node(self, ip: str, *, skew: float = 0.0) -> SimNode:
        """The node of that address, made when first asked for. skew: its clock's error, seconds."""
        if ip not in self.nodes:
            self.nodes[ip] = SimNode(self, ip, skew, ordered=self._ordered_disks)
        return self.nodes[ip]

    def run(self, node: SimNode, fn: Callable[..., T], *args: object) -> T:
        """Run fn as a task of a node, and everybody else's tasks meanwhile."""
        try:
            return node.tasks.run(fn, *args)
        except BaseException as error:
            error.add_note(f"simulated with seed {self.seed}")
            raise

    def run_for(self, seconds: float) -> None:
        self.scheduler.run_for(seconds)


class SimNode:
    """One machine of the world. host is what its programs are given."""

    def __init__(self, world: World, ip: str, skew: float, *, ordered: bool) -> None:
        self.world = world
        self._chance = random.Random(f"interleaving {world.seed} {ip}")
        self.ip = ip
        self.tasks = SimTasks(world.scheduler)
        self.disk = SimDisk(
            f"{world.seed} {ip}", clock=world.clock, pause=self.tasks.sleep, ordered=ordered
        )
        self.net = SimNet(world.network, ip, self.disk)
        self.process = SimProcess(1000 + len(world.nodes))
        self.host = Host(
            clock=SkewedClock(world.clock, skew) if skew else world.clock,
            disk=self.disk,
            net=self.net,
            tasks=self.tasks,
            entropy=SimEntropy(f"{world.seed} {ip}"),
            process=self.process,
        )

    def interleave(self, share: float) -> None:
        """Let other tasks run before this share of disk calls, as native threads would."""

        def perhaps_yield() -> None:
            if self._chance.random() < share and not self.world.scheduler.is_hub():
                self.tasks.sleep(0)

        self.disk.before_call = perhaps_yield

    def kill(self) -> None:
        """SIGKILL to all programs: connections close, what was written stays in the page cache."""
        self.world.network.end_process(self.ip)
        self.world.scheduler.outside(self.tasks.end_all)

    def cut_power(self) -> None:
        """Nothing ends in an orderly way, and nobody is told."""
        self.disk.cut_power()
        self.world.network.vanish(self.ip)
        self.world.scheduler.outside(self.tasks.end_all)

    def power_on(self, losing: Losing = "some of it") -> None:
        """The node is back, without programs; the test starts them again."""
        self.disk.power_on(losing)
        self.world.network.come_back(self.ip)
