"""What there is to do, as tables."""

from __future__ import annotations

import random
from collections.abc import MutableSequence

import pytest

from swiftlite.obj.replicator.jobs import (
    Batch,
    batches,
    differing,
    is_relisted,
    job_for,
    needed,
    share_of,
)
from tests.obj.replicator.nodes import device_of, make_ring

RING = make_ring(4, 3)


def leave(items: MutableSequence[int]) -> None:
    """A shuffle that does not."""


@pytest.mark.parametrize(
    ("local", "remote", "found"),
    [
        ({}, {}, []),
        ({"abc": "1"}, {"abc": "1"}, []),
        ({"abc": "1"}, {"abc": "2"}, ["abc"]),
        ({"abc": "1"}, {}, ["abc"]),
        ({}, {"abc": "1"}, []),  # theirs to push
        ({"abc": None}, {}, ["abc"]),
        ({"abc": None}, {"abc": None}, []),
        ({"abc": None}, {"abc": "1"}, ["abc"]),
        ({"b": "1", "a": "1"}, {"c": "1"}, ["a", "b"]),
    ],
)
def test_differing_suffixes(
    local: dict[str, str | None], remote: dict[str, str | None], found: list[str]
) -> None:
    assert differing({**local}, {**remote}) == found


@pytest.mark.parametrize(
    ("targets", "handoff_delete", "wanted"), [(3, 0, 3), (3, 2, 2), (3, 9, 3), (1, 2, 1)]
)
def test_copies_needed(targets: int, handoff_delete: int, wanted: int) -> None:
    assert needed(targets, handoff_delete) == wanted


def test_every_device_is_a_primary_or_a_handoff() -> None:
    for partition in range(RING.partition_count):
        jobs = [job_for(RING, 0, device_of(RING, number), partition) for number in range(1, 5)]
        assert [len(job.targets) for job in jobs if not job.is_handoff] == [2, 2, 2]
        (handoff,) = [job for job in jobs if job.is_handoff]
        assert handoff.targets == RING.primaries(partition)
        assert all(job.device not in job.targets for job in jobs)


def test_what_lies_on_a_device() -> None:
    device = device_of(RING, 1)
    names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "007", "x", "auditor_status_ALL.json"]
    share = share_of(RING, 0, device, names)
    assert sorted([*share.primaries, *share.handoffs]) == list(range(8))
    assert share.beyond == [8]
    assert len(share) == 8
    some = share_of(RING, 0, device, names, wanted={3, 5})
    assert sorted([*some.primaries, *some.handoffs]) == [3, 5]


def test_batches_are_everything_once_and_take_turns() -> None:
    names = [str(partition) for partition in range(8)]
    shares = [share_of(RING, 0, device_of(RING, number), names) for number in (1, 2)]
    found = list(batches(shares, leave, handoffs_first=False, size=2))
    assert [batch.device.device for batch in found[:2]] == ["d1", "d2"]
    assert all(len(batch.partitions) <= 2 for batch in found)
    for share in shares:
        mine = [batch for batch in found if batch.device == share.device]
        assert sorted(p for batch in mine for p in batch.partitions) == list(range(8))
        assert all(
            set(batch.partitions) <= set(share.handoffs if batch.are_handoffs else share.primaries)
            for batch in mine
        )


def test_handoffs_first() -> None:
    names = [str(partition) for partition in range(8)]
    shares = [share_of(RING, 0, device_of(RING, number), names) for number in range(1, 5)]
    found: list[Batch] = list(
        batches(shares, random.Random(1).shuffle, handoffs_first=True, size=1)
    )
    kinds = [batch.are_handoffs for batch in found]
    assert kinds == sorted(kinds, reverse=True)
    assert len(kinds) == 32


def test_every_partition_is_listed_anew_in_one_of_ten_passes() -> None:
    for partition in range(30):
        assert sum(is_relisted(partition, cycle) for cycle in range(10)) == 1
