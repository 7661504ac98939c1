"""Which replica's policy wins; the interop tests put the same cases to OpenStack Swift."""

from __future__ import annotations

import itertools

import pytest

from swiftlite.protocols.db_sync import Replica
from swiftlite.protocols.policy_choice import policy_of_other_wins

NEVER = "0000000000.00000"


def replica(
    policy: int | None, *, put: int, delete: int = 0, changed: int = 1, count: int = 0
) -> Replica:
    return Replica(5, "h", "id", _at(put), _at(put), _at(delete), "", _at(changed), count, policy)


def _at(second: int) -> str:
    return f"{1_700_000_000 + second}.00000" if second else NEVER


CASES = [
    ("the first to be made", replica(0, put=2, changed=2), replica(1, put=1, changed=1), True),
    ("the first is ours", replica(0, put=1, changed=1), replica(1, put=2, changed=2), False),
    ("ours is deleted", replica(0, put=1, delete=2), replica(1, put=1), True),
    ("the other is deleted", replica(0, put=1), replica(1, put=1, delete=2), False),
    (
        "both deleted: the later change",
        replica(0, put=1, delete=2, changed=2),
        replica(1, put=1, delete=3, changed=3),
        True,
    ),
    ("one made again", replica(0, put=1), replica(1, put=5, delete=3), True),
    ("ours made again", replica(0, put=5, delete=3), replica(1, put=1), False),
    (
        "both made again, ours before the last deletion",
        replica(0, put=4, delete=3),
        replica(1, put=7, delete=5),
        True,
    ),
    (
        "objects keep it alive",
        replica(0, put=1, delete=2, count=1),
        replica(1, put=3, changed=3),
        False,
    ),
    ("the other does not tell", replica(0, put=2, changed=2), replica(None, put=1), False),
    ("the same policy", replica(0, put=2, changed=2), replica(0, put=1, changed=1), False),
]


@pytest.mark.parametrize(("_title", "own", "other", "wins"), CASES, ids=[case[0] for case in CASES])
def test_the_better_policy_wins(_title: str, own: Replica, other: Replica, wins: bool) -> None:
    assert policy_of_other_wins(own, other) is wins


def test_two_never_exchange_their_policies() -> None:
    """Or each pass would turn them round."""
    times = (0, 1, 2, 3)
    made = [
        (put, delete, changed)
        for put, delete, changed in itertools.product(times[1:], times, times[1:])
    ]
    for mine, yours in itertools.product(made, made):
        own = replica(0, put=mine[0], delete=mine[1], changed=mine[2])
        other = replica(1, put=yours[0], delete=yours[1], changed=yours[2])
        assert not (policy_of_other_wins(own, other) and policy_of_other_wins(other, own))
