from __future__ import annotations

import dataclasses

import pytest

from swiftlite.dbsync.plan import Plan, Way, has_news, plan_push
from swiftlite.protocols.db_sync import Replica, Reply

OWN = Replica(5000, "mine", "id", "1", "1", "0", "")


def reply(max_row: int, point: int = -1, row_hash: str = "theirs") -> Reply:
    return Reply(dataclasses.replace(OWN, max_row=max_row, hash=row_hash, id="other"), point)


@pytest.mark.parametrize(
    ("answer", "sent", "plan"),
    [
        (None, -1, Plan(Way.WHOLE_FILE)),
        (reply(9, point=5000), -1, Plan(Way.NO_CHANGE)),
        (reply(9), 5000, Plan(Way.NO_CHANGE)),
        (reply(9), 9000, Plan(Way.NO_CHANGE)),
        (reply(4990, point=4999, row_hash="mine"), -1, Plan(Way.HASH_MATCH)),
        (reply(4990, point=4000), -1, Plan(Way.DIFF, 4000)),
        (reply(4990, point=4000), 4500, Plan(Way.DIFF, 4500)),
        (reply(2500), -1, Plan(Way.DIFF, -1)),
        (reply(2499), -1, Plan(Way.REMOTE_MERGE)),
        (reply(-1), -1, Plan(Way.REMOTE_MERGE)),
    ],
)
def test_what_is_to_be_done(answer: Reply | None, sent: int, plan: Plan) -> None:
    assert plan_push(OWN, answer, sent, 1000) == plan


def test_a_small_database_goes_by_rows_however_far_behind_the_other_is() -> None:
    small = dataclasses.replace(OWN, max_row=900)
    assert plan_push(small, reply(1), -1, 1000) == Plan(Way.DIFF, -1)


def test_two_empty_ones_have_nothing_to_do() -> None:
    empty = dataclasses.replace(OWN, max_row=-1)
    assert plan_push(empty, reply(-1), -1, 1000) == Plan(Way.NO_CHANGE)


@pytest.mark.parametrize(
    ("change", "news"),
    [
        ({}, False),
        ({"created_at": "0"}, True),
        ({"created_at": "2"}, False),
        ({"put_timestamp": "2"}, True),
        ({"delete_timestamp": "2"}, True),
        ({"metadata": "{}"}, True),
        ({"storage_policy_index": 1}, True),
        ({"hash": "other", "max_row": 1, "id": "x"}, False),
    ],
)
def test_what_is_worth_taking_over(change: dict[str, object], news: bool) -> None:
    own = dataclasses.replace(OWN, storage_policy_index=0)
    other = dataclasses.replace(own, **change)  # type: ignore[arg-type]  # names of fields
    assert has_news(own, other) is news
