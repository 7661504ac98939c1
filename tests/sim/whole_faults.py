"""What goes wrong in the whole cluster: one fault after the other, each undone after a while."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable

from swiftlite.objectstore.fileset import choose
from swiftlite.testing.sim_faults import Faults as DiskFaults
from swiftlite.testing.sim_host import SimNode
from tests.sim.whole_cluster import OBJECT_DEVICES, WholeCluster
from tests.sim.whole_verdict import Verdict

Undo = Callable[[], object]


class Breaker:
    """Runs as a task beside the cluster. Copies are destroyed only while all of them are there:
    two of three may be lost one after the other, not both at once."""

    def __init__(
        self, cluster: WholeCluster, verdict: Verdict, chance: random.Random,
        pauses: tuple[float, float], lasting: tuple[float, float],
    ) -> None:  # fmt: skip
        self.done: Counter[str] = Counter()
        self._cluster = cluster
        self._network = cluster.world.network
        self._verdict = verdict
        self._chance = chance
        self._pauses = pauses
        self._lasting = lasting
        self._sleep = cluster.proxies[0].node.tasks.sleep

    def run(self, until: float) -> None:
        """until: monotonic."""
        clock = self._cluster.world.clock
        faults: list[Callable[[SimNode], Undo | None]] = [
            self.kill, self.kill, self.cut_power, self.cut_power_at_a_call, self.cut_all_power,
            self.cut_off, self.set_apart, self.hide_from_proxies, self.lose_packets, self.be_slow,
            self.fill, self.fill_databases, self.unmount_objects, self.unmount_databases,
            self.break_disk, self.break_databases, self.fail_a_call, self.step_clock,
        ]  # fmt: skip
        destructive = [self.rot, self.hide_bytes, self.garble_database]
        destructive += [self.wipe_objects, self.wipe_databases]
        while clock.monotonic() < until:
            self._sleep(self._chance.uniform(*self._pauses))
            node = self._chance.choice(self._cluster.storage)
            fault = self._chance.choice(faults)
            if self._chance.random() < 0.3 and not self._verdict.unequal():
                fault = self._chance.choice(destructive)
            undo = fault(node)
            self.done[fault.__name__] += 1
            self._sleep(self._chance.uniform(*self._lasting))
            if undo is not None:
                undo()

    # --- programs and power

    def kill(self, node: SimNode) -> Undo:
        self._cluster.kill(node)
        return lambda: self._cluster.start(node)

    def cut_power(self, node: SimNode) -> Undo:
        self._cluster.cut_power(node)
        return lambda: self._power_on(node)

    def _power_on(self, node: SimNode) -> None:
        capacity = node.disk.capacity
        node.power_on()
        node.disk.capacity = capacity
        self._cluster.start(node)

    def cut_power_at_a_call(self, node: SimNode) -> Undo:
        """In the middle of whatever its disk is asked to do."""
        node.disk.faults = DiskFaults(
            cut_at=self._chance.randint(1, 400), cut_after=self._chance.random() < 0.5
        )
        end = self._cluster.world.clock.monotonic() + 300
        while node.disk.powered and self._cluster.world.clock.monotonic() < end:
            self._sleep(1.0)
        self._cluster.cut_power(node)
        return lambda: self._power_on(node)

    def cut_all_power(self, node: SimNode) -> Undo:
        for one in self._cluster.storage:
            self._cluster.cut_power(one)

        def power_on() -> None:
            for one in self._cluster.storage:
                self._power_on(one)

        return power_on

    def step_clock(self, node: SimNode) -> None:
        """Somebody sets a clock right, or wrong."""
        clock = node.host.clock
        clock.skew = self._chance.uniform(-1, 1) * self._widest  # type: ignore[attr-defined]

    @property
    def _widest(self) -> float:
        return max(map(abs, self._cluster.settings.skews.values()))

    # --- network

    def cut_off(self, node: SimNode) -> Undo:
        return self._part(node, [*self._others(node), *self._fronts()])

    def set_apart(self, node: SimNode) -> Undo:
        return self._part(node, self._others(node))

    def hide_from_proxies(self, node: SimNode) -> Undo:
        return self._part(node, self._fronts())

    def _part(self, node: SimNode, others: list[SimNode]) -> Undo:
        for other in others:
            self._network.part(node.ip, other.ip)
        return self._network.heal

    def _others(self, node: SimNode) -> list[SimNode]:
        return [other for other in self._cluster.storage if other is not node]

    def _fronts(self) -> list[SimNode]:
        return [proxy.node for proxy in self._cluster.proxies]

    def lose_packets(self, node: SimNode) -> Undo:
        self._network.loss = 0.3
        return lambda: setattr(self._network, "loss", 0.0)

    def be_slow(self, node: SimNode) -> Undo:
        before, self._network.delay = self._network.delay, (0.05, 1.5)
        return lambda: setattr(self._network, "delay", before)

    # --- disks

    def _objects(self, node: SimNode) -> str:
        return f"{OBJECT_DEVICES}/d{self._cluster.number_of(node)}"

    def fill(self, node: SimNode) -> Undo:
        disk = node.disk
        before, disk.capacity = disk.capacity, disk.names.used + 5_000
        return lambda: setattr(disk, "capacity", before)

    def fill_databases(self, node: SimNode) -> Undo:
        """No room for them beyond the reserve. (SQLite itself still finds some.)"""
        ground = self._cluster.ground_of(node)
        ground.statvfs = lambda path: os.statvfs_result((4096, 4096, 1000, 0, 0, 9, 9, 9, 0, 255))
        return lambda: setattr(ground, "statvfs", os.statvfs)

    def break_databases(self, node: SimNode) -> Undo:
        """Their directories cannot be read."""
        ground = self._cluster.ground_of(node)
        device = self._cluster.database_device(self._cluster.number_of(node))

        def listdir(path: str) -> list[str]:
            if path.startswith(device):
                raise OSError(errno.EIO, os.strerror(errno.EIO), path)
            return os.listdir(path)

        ground.listdir = listdir  # type: ignore[assignment]  # of paths alone
        return lambda: setattr(ground, "listdir", os.listdir)

    def unmount_objects(self, node: SimNode) -> Undo:
        mount = self._objects(node)
        node.disk.mounts.discard(mount)
        return lambda: node.disk.mounts.add(mount)

    def unmount_databases(self, node: SimNode) -> Undo:
        device = self._cluster.database_device(self._cluster.number_of(node))
        os.rename(device, device + "-away")

        def mount() -> None:
            assert not os.path.exists(device), "somebody made the folder of an absent device"
            os.rename(device + "-away", device)

        return mount

    def break_disk(self, node: SimNode) -> Undo:
        path, code = self._objects(node), self._chance.choice((errno.EIO, errno.EROFS))
        node.disk.broken[path] = code
        return lambda: node.disk.broken.pop(path, None)

    def fail_a_call(self, node: SimNode) -> None:
        code = self._chance.choice((errno.EIO, errno.ENOSPC))
        node.disk.faults = DiskFaults(fail_at=self._chance.randint(1, 300), fail_with=code)

    # --- what destroys a copy

    def _data_files(self, node: SimNode) -> list[str]:
        found = self._verdict.objects_of(node)
        return [
            f"{place}/{file.name}" for place, names in found.items()
            if (file := choose(names).data) is not None
        ]  # fmt: skip

    def rot(self, node: SimNode) -> None:
        """Some bits of a file or of its metadata."""
        if files := self._data_files(node):
            path = self._chance.choice(sorted(files))
            file = node.disk.names.file(path)
            if self._chance.random() < 0.3:
                name = self._chance.choice(sorted(file.attributes))
                place = self._chance.randrange(len(file.attributes[name]))
                node.disk.rot_attribute(path, name, place)
            elif file.data:
                node.disk.rot(path, self._chance.randrange(len(file.data)))

    def hide_bytes(self, node: SimNode) -> None:
        """A sector that cannot be read."""
        if files := self._data_files(node):
            node.disk.make_unreadable(self._chance.choice(sorted(files)), 0, 512)

    def wipe_objects(self, node: SimNode) -> None:
        """The disk is replaced by an empty one."""
        path, names = self._objects(node), node.disk.names
        root = names.directory(path)
        for name in list(root.entries):
            del root.entries[name]
            root.stable.pop(name, None)

    def wipe_databases(self, node: SimNode) -> Undo:
        device = self._cluster.database_device(self._cluster.number_of(node))
        self._cluster.kill(node)
        shutil.rmtree(device)
        os.mkdir(device)
        return lambda: self._cluster.start(node)

    def garble_database(self, node: SimNode) -> Undo:
        """A page of a file is no longer what SQLite wrote."""
        self._cluster.kill(node)
        device = self._cluster.database_device(self._cluster.number_of(node))
        files = sorted(
            os.path.join(folder, name)
            for folder, _, names in os.walk(device)
            for name in names
            if name.endswith(".db") and "quarantined" not in folder and "tmp" not in folder
        )
        if files:
            path = self._chance.choice(files)
            with open(path, "r+b") as file:
                file.seek(4096 * self._chance.randrange(os.path.getsize(path) // 4096))
                file.write(self._chance.randbytes(4096))
        return lambda: self._cluster.start(node)
