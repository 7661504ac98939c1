"""Small rings and how their devices stand."""

from __future__ import annotations

from typing import Any

from swiftlite.plan import Standing
from swiftlite.ring import Ring, RingBuilder
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.quorum import replicated_quorum

HASH_PATH = HashPath(b"", b"changeme")


def make_builder(devices: int = 4, replicas: float = 3, part_power: int = 5) -> RingBuilder:
    """A device on each of 10.0.0.1, .2, ...; ids from 0."""
    builder = RingBuilder.create(part_power, replicas, 0)
    for number in range(devices):
        builder.add_device(
            zone=number, ip=f"10.0.0.{number + 1}", port=6200, device="sda", weight=100
        )
    builder.rebalance(0, seed="1")
    return builder


def ring_of(builder: RingBuilder) -> Ring:
    return builder.ring(HASH_PATH)


def standing(ring: Ring, **changes: Any) -> Standing:  # noqa: ANN401  # fields of Standing
    return Standing("object", ring, replicated_quorum(int(ring.replica_count)), **changes)
