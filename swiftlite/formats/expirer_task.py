"""Names of the expirer's tasks: which hidden container an expiry waits in, and what it is called.

Account `.expiring_objects`; a container per day and per hundredth of the objects; entries
`<time>-<account>/<container>/<object>`. Source: doc/formats/expirer-tasks.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.names import split_path
from swiftlite.vocab.timestamp import Timestamp

ACCOUNT = ".expiring_objects"
CONTAINER_DIVISOR = 86_400  # seconds of one container
CONTAINERS_PER_DIVISOR = 100
TIME_MAX = 9_999_999_999  # ten digits
PLAIN_TYPE = "text/plain;swift_expirer_bytes="
ASYNC_DELETE_TYPE = "application/async-deleted"


@dataclass(frozen=True, slots=True)
class ExpirerTask:
    """One entry: delete the object if it still expires at this moment, mostly a whole second."""

    delete_at: Timestamp
    account: str
    container: str
    obj: str


def task_container(
    hash_path: HashPath,
    delete_at: int,
    account: str,
    container: str,
    obj: str,
    *,
    divisor: int = CONTAINER_DIVISOR,
) -> str:
    """The container of an object's expiry. Spread by the object's hash, so that none runs hot."""
    day = delete_at // divisor * divisor
    shard = int.from_bytes(hash_path.digest(account, container, obj), "big")
    return f"{_clamped(day - shard % CONTAINERS_PER_DIVISOR):010d}"


def task_name(delete_at: int, account: str, container: str, obj: str) -> str:
    return f"{_clamped(delete_at):010d}-{account}/{container}/{obj}"


def task_type(content_length: int) -> str:
    """The entry's content type, which tells how much expiring will free."""
    return f"{PLAIN_TYPE}{content_length}"


def parse_task_name(name: str) -> ExpirerTask:
    """Undo task_name. Raises ValueError."""
    moment, dash, path = name.partition("-")
    if not dash:
        raise ValueError(f"not the name of an expirer task: {name[:120]!r}")
    account, container, obj = split_path("/" + path, 3, 3, rest=True)
    assert account is not None
    assert container is not None
    assert obj is not None
    return ExpirerTask(Timestamp.from_text(moment), account, container, obj)


def _clamped(seconds: int) -> int:
    return min(max(seconds, 0), TIME_MAX)
