"""What is asked of other nodes: their hashes, one partition at a time or many, and to look anew.

Which nodes compare many partitions at once is found out by trying: OpenStack Swift answers such a
question as if it were the plain one, about the partition in the path. It is asked again in the
next pass, for it may have been replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from swiftlite.formats.partition_digests import (
    DIGESTS,
    LINES_MAX,
    SETTLE,
    Claim,
    DigestsUnreadable,
    decode_comparison,
    encode_claims,
)
from swiftlite.formats.suffix_hashes import HashesUnreadable, SuffixHash, decode_replicate_answer
from swiftlite.host.net import Address, render_address
from swiftlite.peers.direct import Caller, Small, storage_path
from swiftlite.peers.errors import PeerFault
from swiftlite.ring import Device
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.headers import X_BACKEND_STORAGE_POLICY_INDEX, X_BACKEND_SWIFTLITE

Hashes = Mapping[str, SuffixHash]


class NodeRefuses(SwiftliteError):
    """A node cannot be synchronised with; the message names it and says why."""


class Unmounted(NodeRefuses):
    """Its device is not there, or full: the next handoff may take its place."""


class Same(Enum):
    """The other side has what we have."""

    SAME = "same"


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparing of many partitions has found out.

    digests: ours, by partition. found and age are by device id and partition; age: seconds since
    hashes that differ have changed over there.
    """

    digests: Mapping[int, str | None] = field(default_factory=dict)
    found: dict[tuple[int, int], Same | Hashes] = field(default_factory=dict)
    age: dict[tuple[int, int], float] = field(default_factory=dict)


class Peers:
    """Calls to the replication addresses of other nodes."""

    def __init__(self, caller: Caller, http_timeout: float) -> None:
        self._caller = caller
        self._http_timeout = http_timeout
        self._plain: set[Address] = set()
        self._ours: set[Address] = set()

    def forget_kinds(self) -> None:
        """At the beginning of a pass."""
        self._plain.clear()
        self._ours.clear()

    def is_ours(self, device: Device) -> bool:
        """Whether the node has shown in this pass to be of our kind."""
        return device.replication_address in self._ours

    def hashes(self, device: Device, partition: int, policy_index: int) -> Hashes:
        """Raises NodeRefuses."""
        answer = self._replicate(device, partition, policy_index)
        if answer.status == 507:
            raise Unmounted(f"{name_of(device)} is unmounted")
        if answer.status != 200:
            raise NodeRefuses(f"{name_of(device)} answers {answer.status}")
        try:
            return decode_replicate_answer(answer.body)
        except HashesUnreadable as error:
            raise NodeRefuses(f"{name_of(device)}: {error}") from None

    def mark(
        self, device: Device, partition: int, policy_index: int, suffixes: Sequence[str],
        *, settle: bool,
    ) -> None:  # fmt: skip
        """Say that suffixes have got files. settle: which we want durable. Raises NodeRefuses."""
        lane = SETTLE if settle else ""
        joined = "-".join(suffixes)
        answer = self._replicate(device, partition, policy_index, joined, lane=lane)
        if answer.status != 200:
            raise NodeRefuses(f"{name_of(device)} answers {answer.status} about what it got")

    def compare(
        self, policy_index: int, digests: Mapping[int, str | None],
        claims: Iterable[tuple[Device, int, str]],
    ) -> Compared:  # fmt: skip
        """What could be found out about our digests; never raises."""
        compared = Compared(digests)
        by_address: dict[Address, list[tuple[Device, int, str]]] = {}
        for claim in claims:
            by_address.setdefault(claim[0].replication_address, []).append(claim)
        for address, some in by_address.items():
            for at in range(0, len(some), LINES_MAX):
                if address not in self._plain:
                    self._compare_at(policy_index, some[at : at + LINES_MAX], compared)
        return compared

    def _compare_at(
        self, policy_index: int, claims: Sequence[tuple[Device, int, str]], compared: Compared
    ) -> None:
        device, partition, _ = claims[0]
        body = encode_claims(Claim(one.device, number, digest) for one, number, digest in claims)
        try:
            answer = self._replicate(device, partition, policy_index, lane=DIGESTS, body=body)
            if answer.status != 200:
                return
            if answer.headers.get(X_BACKEND_SWIFTLITE) != DIGESTS:
                self._plain.add(device.replication_address)
                return
            self._ours.add(device.replication_address)
            comparison = decode_comparison(answer.body)
        except (NodeRefuses, DigestsUnreadable):
            return
        for number, (one, its_partition, _) in enumerate(claims):
            key = one.id, its_partition
            if number in comparison.same:
                compared.found[key] = Same.SAME
            elif number in comparison.differ:
                compared.found[key] = comparison.differ[number]
                if number in comparison.age:
                    compared.age[key] = comparison.age[number]

    def _replicate(
        self, device: Device, partition: int, policy_index: int, suffixes: str | None = None,
        *, lane: str = "", body: bytes = b"",
    ) -> Small:  # fmt: skip
        headers = [(X_BACKEND_STORAGE_POLICY_INDEX, str(policy_index))]
        if lane:
            headers.append((X_BACKEND_SWIFTLITE, lane))
        target = storage_path(device.device, partition, suffixes)
        try:
            return self._caller.call(
                device.replication_address, "REPLICATE", target, headers, body,
                timeout=self._http_timeout,
            )  # fmt: skip
        except PeerFault as fault:
            raise NodeRefuses(f"{name_of(device)}: {fault}") from fault


def name_of(device: Device) -> str:
    """For messages."""
    return f"{render_address(device.replication_address)}/{device.device}"
