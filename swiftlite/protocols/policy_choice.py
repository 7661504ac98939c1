"""Which of two replicas of a container is right about its storage policy.

Two clients may have made the container at the same time, in different policies, on different
nodes. Every node must come to the same choice from the same facts. Source: what OpenStack Swift
decides in each case, tested beside it.
"""

from __future__ import annotations

from swiftlite.protocols.db_sync import Replica

_NEVER = "0000000000.00000"


def policy_of_other_wins(own: Replica, other: Replica) -> bool:
    """Whether own should take the policy of the other."""
    if other.storage_policy_index in (None, own.storage_policy_index):
        return False
    return _other_is_better(own, other)


def _other_is_better(own: Replica, other: Replica) -> bool:
    if _gone(own) or _gone(other):
        if not _gone(own) or not _gone(other):
            return _gone(own)  # one that is there beats one that is not
        return other.status_changed_at > own.status_changed_at
    if _made_again(own) or _made_again(other):
        if not _made_again(own) or not _made_again(other):
            return _made_again(other)  # the other side has not heard of the deletion yet
        last_delete = max(own.delete_timestamp, other.delete_timestamp)
        for replica, other_wins in ((own, True), (other, False)):
            if replica.put_timestamp < last_delete:
                return other_wins  # made before it was deleted somewhere: that one is void
    return other.status_changed_at < own.status_changed_at  # the first to be made


def _gone(replica: Replica) -> bool:
    return not replica.count and replica.delete_timestamp > replica.put_timestamp


def _made_again(replica: Replica) -> bool:
    return replica.put_timestamp > replica.delete_timestamp > _NEVER
