"""In which order the devices of a partition are asked: primaries, then handoffs.

Knows sorting, affinity and how many may be tried; asks a limiter which nodes to leave alone, and
knows nothing of requests. Left alone means asked last: with nobody else to turn to, a node that
failed of late is better than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, permutations
from typing import NamedTuple, Protocol

from swiftlite.proxy.affinity import distance_of, is_local_of, parse_read_affinity
from swiftlite.proxy.affinity import parse_write_affinity as parse_write
from swiftlite.proxy.options import PolicyOptions, node_count
from swiftlite.ring import Device, Handoff

_PERMUTATIONS = {n: list(permutations(range(n))) for n in (1, 2, 3, 4)}


class Node(NamedTuple):
    """A device to ask; handoff_index is None for a primary."""

    device: Device
    handoff_index: int | None


class PartitionRing(Protocol):
    """The part of a ring that an order takes."""

    def handoffs(self, partition: int, /) -> Iterator[Handoff]: ...


class Chance(Protocol):
    """The part of host.entropy that an order takes."""

    def random(self) -> float: ...


class Timings:
    """How long each server took to answer of late; what is older than expiry is not known."""

    def __init__(self, monotonic: Callable[[], float], expiry: float) -> None:
        self._monotonic = monotonic
        self._expiry = expiry
        self._known: dict[str, tuple[float, float]] = {}

    def note(self, device: Device, seconds: float) -> None:
        self._known[device.ip] = (round(seconds, 3), self._monotonic() + self._expiry)

    def of(self, device: Device) -> float:
        """Seconds; an unknown server comes first, so that it becomes known."""
        known = self._known.get(device.ip)
        if known is None or known[1] < self._monotonic():
            return -1.0
        return known[0]


class Order:
    """The order of one policy's devices, or of accounts and containers."""

    def __init__(
        self,
        options: PolicyOptions,
        request_node_count: tuple[int, bool],
        *,
        may_ask: Callable[[Device], bool],
        chance: Chance,
        timings: Timings,
        tell_handoff: Callable[[Device, int], None] | None = None,
    ) -> None:
        """may_ask: whether a node is to be asked in its turn; asked once a request and node, and
        those of which it says no are asked last. tell_handoff: told of handoffs that a request
        uses because primaries are left alone, and of how many handoffs it used."""
        self._may_ask = may_ask
        self._random = chance.random
        self._request_node_count = request_node_count
        self._write_count = options.write_affinity_node_count
        self._tell = tell_handoff
        self._key: Callable[[Device], float] | None = None
        if options.sorting_method == "timing":
            self._key = timings.of
        elif options.sorting_method == "affinity":
            self._key = distance_of(parse_read_affinity(options.read_affinity))
        self.is_local = is_local_of(parse_write(options.write_affinity))

    def shuffled(self, devices: Sequence[Device]) -> list[Device]:
        """At random, then by the sorting method."""
        places = _PERMUTATIONS.get(len(devices))
        if places is None:
            mixed = sorted(devices, key=lambda _device: self._random())
        else:
            mixed = [devices[place] for place in places[int(self._random() * len(places))]]
        if self._key is not None:
            mixed.sort(key=self._key)
        return mixed

    def for_reading(
        self, partition: int, ring: PartitionRing, primaries: Sequence[Device]
    ) -> Iterator[Node]:
        """Primaries by the sorting method, then handoffs; last the primaries that are left alone,
        because what nobody else has may be there."""
        return self._walk(self.shuffled(primaries), ring.handoffs(partition), reading=True)

    def for_writing(
        self, partition: int, ring: PartitionRing, primaries: Sequence[Device]
    ) -> Iterator[Node]:
        """Primaries in node order, then handoffs; with write affinity local ones of both first."""
        is_local = self.is_local
        if is_local is None:
            return self._walk(primaries, ring.handoffs(partition))
        wanted = node_count(self._write_count, len(primaries))
        everyone = _everyone(ring, partition, primaries)
        local = list(islice((node for node in everyone if is_local(node.device)), wanted))
        chosen = {node.device.id for node in local}
        others = (
            node for node in _everyone(ring, partition, primaries) if node.device.id not in chosen
        )
        left = max(node_count(self._request_node_count, len(primaries)), len(local))
        return self._those_that_work(chain(local, others), left)

    def for_deleting(
        self, partition: int, ring: PartitionRing, primaries: Sequence[Device]
    ) -> Iterator[Node]:
        """All primaries, then handoffs; with write affinity local handoffs first, because that is
        where writes may have gone."""
        is_local = self.is_local
        if is_local is None:
            return self._walk(primaries, ring.handoffs(partition))
        local = (found for found in ring.handoffs(partition) if is_local(found.device))
        others = (found for found in ring.handoffs(partition) if not is_local(found.device))
        return self._walk(primaries, chain(local, others))

    def _walk(
        self, primaries: Sequence[Device], handoffs: Iterable[Handoff], *, reading: bool = False
    ) -> Iterator[Node]:
        """A node that is left alone makes room for a handoff."""
        limit = left = node_count(self._request_node_count, len(primaries))
        may_ask = self._may_ask
        passed_over = []
        for device in primaries:
            if left <= 0:
                return
            node = Node(device, None)
            if may_ask(device):
                left -= 1
                yield node
            else:
                passed_over.append(node)
        primaries_passed_over = len(passed_over)
        used = 0
        for device, handoff_index in handoffs:
            if left <= 0:
                break
            node = Node(device, handoff_index)
            if not may_ask(device):
                passed_over.append(node)
                continue
            left -= 1
            used += 1
            if self._tell is not None and used > limit - len(primaries):
                self._tell(device, used)
            yield node
        last = max(left, primaries_passed_over) if reading else left
        yield from passed_over[:last]

    def _those_that_work(self, nodes: Iterable[Node], left: int) -> Iterator[Node]:
        passed_over = []
        for node in nodes:
            if left <= 0:
                return
            if self._may_ask(node.device):
                left -= 1
                yield node
            else:
                passed_over.append(node)
        yield from passed_over[:left]


def _everyone(ring: PartitionRing, partition: int, primaries: Sequence[Device]) -> Iterator[Node]:
    for device in primaries:
        yield Node(device, None)
    for device, handoff_index in ring.handoffs(partition):
        yield Node(device, handoff_index)
