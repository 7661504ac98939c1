"""Where a request points: a device, a partition on it, a name, and a policy."""

from __future__ import annotations

from typing import NamedTuple

from swiftlite.policies import REPLICATION, PolicyCollection
from swiftlite.vocab.names import RESERVED, is_reserved
from swiftlite.web import Refusal, Request

_PARTITION_DIGITS = 10  # 2**32 partitions are the most there can be


class Placement(NamedTuple):
    device: str
    partition: int
    account: str
    container: str
    obj: str
    policy_index: int


def placement_of(request: Request, policies: PolicyCollection) -> Placement:
    """Read `/device/partition/account/container/object`. Raises Refusal."""
    device, partition, account, container, obj = request.split(5, 5, rest=True)
    assert device and partition and account and container and obj  # noqa: PT018  # for the types
    if RESERVED in request.environ["PATH_INFO"]:
        _check_reserved(account, container, obj)
    return Placement(
        checked_device(device), checked_partition(partition),
        account, container, obj, policy_of(request, policies),
    )  # fmt: skip


def checked_device(device: str) -> str:
    if device in (".", "..") or RESERVED in device:
        raise Refusal(400, f"Invalid device: {device!r}")
    return device


def checked_partition(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _PARTITION_DIGITS:
        raise Refusal(400, f"Invalid partition: {text!r}")
    return int(text)


def policy_of(request: Request, policies: PolicyCollection) -> int:
    """The index of a policy that is kept here by replication; Refusal 503 for any other."""
    index = request.policy_index
    policy = policies.get(index)
    if policy is None:
        raise Refusal(503, f"This node knows no storage policy of index {index}.")
    if policy.kind != REPLICATION:
        raise Refusal(503, f"Storage policy {policy.name} is not kept by replication.")
    return index


def _check_reserved(account: str, container: str, obj: str) -> None:
    """Names of the reserved namespace begin with NUL, and do not mix with the users' own."""
    for kind, name in (("account", account), ("container", container), ("object", obj)):
        if RESERVED in name and not is_reserved(name):
            raise Refusal(400, f"Invalid reserved {kind} name.")
    if is_reserved(container) != is_reserved(obj):
        raise Refusal(400, "Reserved objects live in reserved containers, and only they do.")
