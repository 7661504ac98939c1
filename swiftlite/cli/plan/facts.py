"""The cluster as a plan sees it: each ring with its devices, from files here and recon there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from swiftlite.cli.plan.rings import InForce, is_same
from swiftlite.cli.plan.told import Pass, Told
from swiftlite.plan.change import Room
from swiftlite.plan.moves import Sizes, Weight
from swiftlite.plan.standing import Disk, Standing, disk_of
from swiftlite.ring import Device
from swiftlite.ring.search import Criteria

_DIRECTORY = {"account": "accounts", "container": "containers"}
_BYTES_A_FILE = 1 << 20  # where nobody has counted
_NO_PASS = "no replicator of it has told of a pass"


@dataclass(frozen=True, slots=True)
class Facts:
    """unknown: what could not be found out, in sentences; by ring."""

    rings: Mapping[str, InForce]
    standings: Mapping[str, Standing]
    unknown: Mapping[str, Sequence[str]]
    told: Told

    def chosen(self, criteria: Criteria) -> dict[str, frozenset[int]]:
        """By ring, the ids of the devices that match."""
        return {
            name: frozenset(device.id for device in criteria.find(_present(one)))
            for name, one in self.rings.items()
        }

    def of_disks(self, disks: Iterable[Disk]) -> dict[str, frozenset[int]]:
        """The same for disks: a disk is in several rings, at several ports."""
        wanted = set(disks)
        return {
            name: frozenset(device.id for device in _present(one) if disk_of(device) in wanted)
            for name, one in self.rings.items()
        }

    def disks_of(self, chosen: Mapping[str, frozenset[int]]) -> set[Disk]:
        return {
            disk_of(device)
            for name, numbers in chosen.items()
            for device in _present(self.rings[name])
            if device.id in numbers
        }

    def rooms(self, name: str) -> dict[Disk, Room]:
        told = self.told.rooms
        return {
            disk_of(device): told[device.address, device.device]
            for device in _present(self.rings[name])
            if (device.address, device.device) in told
        }

    def sizes(self, name: str) -> Sizes:
        """What the partitions of a ring weigh: as measured, else in the mean of what disks use."""
        one = self.rings[name]
        directory = _directory(one)
        measured: dict[int, Weight] = {}
        total, count = Weight(0, 0), 0
        is_complete = True
        for device in _present(one):
            found = self.told.partitions.get(device.address, {}).get(directory, {})
            here = found.get(device.device)
            if here is None or (here.count and not here.each):
                is_complete = False
            if here is None:
                continue
            total = Weight(total.bytes + here.total.bytes, total.files + here.total.files)
            count += here.count
            for partition, weight in here.each.items():
                measured[partition] = max(measured.get(partition, weight), weight)
        if measured and is_complete:
            return Sizes(Weight(0, 0), measured, is_complete=True)
        if count:
            return Sizes(Weight(total.bytes / count, total.files / count), measured)
        return Sizes(self._mean_of_usage(one))

    def _mean_of_usage(self, one: InForce) -> Weight:
        """All that disks use is taken for this kind's, and shared out evenly."""
        used = partitions = 0
        for other in self.rings.values():
            if other.kind != one.kind:
                continue
            held: dict[int, int] = {}
            for row in other.ring.table.rows():
                for number in row:
                    held[number] = held.get(number, 0) + 1
            for device in _present(other):
                room = self.told.rooms.get((device.address, device.device))
                if room is not None:
                    partitions += held.get(device.id, 0)
                    used += room.used if other.name == one.name else 0
        mean = used / partitions if partitions else 0.0
        return Weight(mean, mean / _BYTES_A_FILE)

    def notes(self, chosen: Mapping[str, frozenset[int]]) -> list[str]:
        """What else is known of the servers of some devices."""
        servers = {
            device.address
            for name, numbers in chosen.items()
            for device in _present(self.rings[name])
            if device.id in numbers
        }
        notes = []
        waiting = sum(self.told.pendings.get(server, 0) for server in servers)
        if waiting:
            notes.append(
                f"{waiting} container updates wait on its node: listings lack these objects until"
                " it, or another node that has them too, has delivered them"
            )
        damaged = max((self.told.quarantined.get(server, 0) for server in servers), default=0)
        if damaged:
            notes.append(
                f"{damaged} damaged things lie in quarantine there: each is a copy less until"
                " replication has brought another"
            )
        return notes


def facts_of(rings: Sequence[InForce], told: Told) -> Facts:
    standings, unknown = {}, {}
    for one in rings:
        standings[one.name] = _standing(one, told)
        unknown[one.name] = list(_unknown(one, told))
    return Facts({one.name: one for one in rings}, standings, unknown, told)


def _standing(one: InForce, told: Told) -> Standing:
    out: dict[int, str] = {}
    lacking: dict[int, str] = {}
    failed = _failed(one, told)
    for device in _present(one):
        why = told.why_out(device)
        if why is not None:
            out[device.id] = why
        times = failed.get((device.replication_ip, device.device))
        if times:
            lacking[device.id] = "the last replication did not get through to it"
    full = frozenset(device.id for device in _present(one) if told.is_full(device))
    made = Standing(one.name, one.ring, one.quorum, one.needed, out, full, lacking)
    began = _oldest_beginning(one, told)
    if began is not None and began > one.changed:
        return made
    before = None if began is None else one.before(began)
    if before is not None and is_same(before, one.ring):
        return made
    earlier = None
    if before is not None and before.partition_count == one.ring.partition_count:
        earlier = Standing(one.name, before, one.quorum, one.needed, out, full, lacking)
    return Standing(
        one.name, one.ring, one.quorum, one.needed, out, full, lacking, settled=False,
        earlier=earlier,
    )  # fmt: skip


def _failed(one: InForce, told: Told) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for server, known in told.passes.items():
        if told.kinds[server] == one.kind:
            for key, times in known.failed.items():
                found[key] = found.get(key, 0) + times
    return found


def _oldest_beginning(one: InForce, told: Told) -> float | None:
    """Of the last passes of all servers of a ring that answer; None where one has had none."""
    passes: list[Pass | None] = [
        told.passes.get(server)
        for server in {device.address for device in _present(one)}
        if server not in told.silent
    ]
    if not passes or None in passes:
        return None
    return min(known.began for known in passes if known is not None)


def _unknown(one: InForce, told: Told) -> Iterable[str]:
    servers = {device.address for device in _present(one)}
    for ip, port in sorted(server for server in told.mute if server in servers):
        yield f"the {one.kind} server {ip}:{port} has no recon filter, so its disks are not known"


def _present(one: InForce) -> list[Device]:
    return [device for device in one.ring.devices if device is not None]


def _directory(one: InForce) -> str:
    if one.kind in _DIRECTORY:
        return _DIRECTORY[one.kind]
    index = one.name.partition("-")[2]
    return f"objects-{index}" if index else "objects"
