"""One database in a pass: old rows out of it, its replicas told, and itself removed where it has no
business to be any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.removal import remove_database
from swiftlite.dbstore.standing import Standing
from swiftlite.dbsync.peers import DeviceGone, Target
from swiftlite.dbsync.push import Push
from swiftlite.dbsync.stats import Counting
from swiftlite.host.clock import Clock
from swiftlite.host.net import Address
from swiftlite.observe.log import Log
from swiftlite.peers.errors import PeerFault
from swiftlite.ring import Device, Ring
from swiftlite.vocab.timestamp import Timestamp


class Chores(Protocol[Row]):
    """What a kind of database needs besides, in a pass."""

    def after_push(self, broker: Broker[Row], standing: Standing, outcomes: Sequence[bool]) -> None:
        """outcomes: of each node that it was brought to."""
        ...

    def before_removal(self, broker: Broker[Row]) -> None: ...


class NoChores(Generic[Row]):
    def after_push(self, broker: Broker[Row], standing: Standing, outcomes: Sequence[bool]) -> None:
        pass

    def before_removal(self, broker: Broker[Row]) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a database was found, and where it belongs. node: the device that it is on."""

    node: Device
    partition: int
    primaries: tuple[Device, ...]
    misplaced: bool  # in the directory of another partition

    @property
    def belongs_here(self) -> bool:
        return not self.misplaced and any(node.id == self.node.id for node in self.primaries)

    @property
    def others(self) -> tuple[Device, ...]:
        """The primaries to bring it to: the one after this device first.

        So each of them sends to another first, and none waits for one that all others talk to.
        """
        ids = [node.id for node in self.primaries]
        if self.misplaced or self.node.id not in ids:
            return self.primaries
        here = ids.index(self.node.id)
        return self.primaries[here + 1 :] + self.primaries[:here]


@dataclass(frozen=True, slots=True)
class Rules:
    """handoff_delete: how many primaries must hold a database that goes; 0: all."""

    reclaim_age: float
    handoff_delete: int


class Visits(Generic[Row]):
    """The visits of one pass."""

    def __init__(
        self,
        ring: Ring,
        push: Push[Row],
        chores: Chores[Row],
        counting: Counting,
        rules: Rules,
        *,
        clock: Clock,
        log: Log,
    ) -> None:
        self._ring = ring
        self._push = push
        self._chores = chores
        self._counting = counting
        self._rules = rules
        self._clock = clock
        self._log = log
        self._complained: set[Address] = set()

    def visit(
        self, broker: Broker[Row], spot: Spot, nodes: Sequence[Device], *, reclaim: bool
    ) -> None:
        """nodes: those of spot.others that are not known to be in sync. reclaim: first drop what
        is past its age. Raises the room's errors."""
        begun = self._clock.monotonic()
        now = self._clock.wall()
        if reclaim:
            age = self._rules.reclaim_age
            broker.reclaim(_moment(now - age), _moment(now - 2 * age))
        standing = broker.standing()
        if standing.replica.deleted_before(_moment(now - self._rules.reclaim_age)):
            if standing.is_reported:
                self._remove(broker, standing)
            return
        if spot.misplaced:
            self._log.error(f"{broker.place.directory} belongs in partition {spot.partition}")
        outcomes = list(self._bring(broker, standing, spot, nodes))
        in_sync = len(spot.others) - len(nodes)
        self._chores.after_push(broker, standing, [True] * in_sync + outcomes)
        if not spot.belongs_here and self._is_kept_elsewhere(outcomes):
            self._remove(broker, standing)
        self._counting.took(self._clock.monotonic() - begun)

    def _bring(
        self, broker: Broker[Row], standing: Standing, spot: Spot, nodes: Sequence[Device]
    ) -> Iterator[bool]:
        """Whether each node has it now; a handoff comes in for each device that is gone."""
        waiting = list(nodes)
        handoffs = (handoff.device for handoff in self._ring.handoffs(spot.partition))
        for node in waiting:
            done = False
            target = Target(node, spot.partition, broker.place.digest)
            try:
                far = node.region != spot.node.region
                done = self._push.to_node(broker, standing, target, other_region=far)
            except DeviceGone as fault:
                self._complain(fault, standing, node)
                another = next((h for h in handoffs if h.id != spot.node.id), None)
                if another is not None:
                    waiting.append(another)
            except PeerFault as fault:
                self._complain(fault, standing, node)
            if done:
                self._counting.succeeded()
            else:
                self._counting.failed(node)
            yield done

    def _complain(self, fault: PeerFault, standing: Standing, node: Device) -> None:
        """One warning for a node in a pass: the same thousand times helps nobody."""
        known = fault.address in self._complained
        self._complained.add(fault.address)
        tell = self._log.debug if known else self._log.warning
        tell(f"replicating {_name(standing)} to {node.device}: {fault}")

    def _is_kept_elsewhere(self, outcomes: Sequence[bool]) -> bool:
        if self._rules.handoff_delete:
            return sum(outcomes) >= self._rules.handoff_delete
        return bool(outcomes) and all(outcomes)

    def _remove(self, broker: Broker[Row], seen: Standing) -> None:
        """Remove it unless it has become another since it was seen."""

        def may_go(now: Standing) -> bool:
            same = now.replica.token() == seen.replica.token()
            return same and now.replica.max_row == seen.replica.max_row

        self._chores.before_removal(broker)
        try:
            if remove_database(broker, may_go):
                self._counting.removed(broker.place.device)
        except DatabaseError as error:
            self._log.warning(f"cannot remove {broker.place.directory}: {error}")


def _name(standing: Standing) -> str:
    return "/".join(name for name in (standing.account, standing.container) if name)


def _moment(seconds: float) -> Timestamp:
    return Timestamp.from_seconds(max(seconds, 0.0))
