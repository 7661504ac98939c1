"""How objects are kept: the storage policies of a cluster."""

from swiftlite.policies.collection import PolicyCollection
from swiftlite.policies.parse import parse_policies
from swiftlite.policies.policy import REPLICATION, Policy, PolicyError

__all__ = ["REPLICATION", "Policy", "PolicyCollection", "PolicyError", "parse_policies"]
