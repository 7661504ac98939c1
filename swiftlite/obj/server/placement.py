"""Where a request points: a device, a partition on it, a name, and a policy."""

from __future__ import annotations

from typing import NamedTuple

from swiftlite.policies import REPLICATION, PolicyCollection
from swiftlite.web import Refusal, Request
from swiftlite.web.storage_paths import split_storage_path


class Placement(NamedTuple):
    device: str
    partition: int
    account: str
    container: str
    obj: str
    policy_index: int


def placement_of(request: Request, policies: PolicyCollection) -> Placement:
    """Read `/device/partition/account/container/object`. Raises Refusal."""
    device, partition, account, container, obj = split_storage_path(request, 5, 5)
    assert device is not None
    assert partition is not None
    assert account is not None
    assert container is not None
    assert obj is not None
    return Placement(device, int(partition), account, container, obj, policy_of(request, policies))


def policy_of(request: Request, policies: PolicyCollection) -> int:
    """The index of a policy that is kept here by replication; Refusal 503 for any other."""
    index = request.policy_index
    policy = policies.get(index)
    if policy is None:
        raise Refusal(503, f"This node knows no storage policy of index {index}.")
    if policy.kind != REPLICATION:
        raise Refusal(503, f"Storage policy {policy.name} is not kept by replication.")
    return index
