"""How objects are kept: the storage policies of a cluster."""

from swiftlite.policies.collection import PolicyCollection
from swiftlite.policies.erasure import ERASURE_CODING, ErasureCode
from swiftlite.policies.parse import parse_policies
from swiftlite.policies.policy import REPLICATION, Policy, PolicyError

__all__ = [
    "ERASURE_CODING",
    "REPLICATION",
    "ErasureCode",
    "Policy",
    "PolicyCollection",
    "PolicyError",
    "parse_policies",
]
