"""Policy kind to (sink, source): the one place where verbs and ways of keeping objects meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from swiftlite.policies import Policy
from swiftlite.policies.policy import REPLICATION
from swiftlite.proxy.context import Context
from swiftlite.proxy.obj.get_replicated import read_replicated
from swiftlite.proxy.obj.put_replicated import ReplicatedSink
from swiftlite.proxy.obj.sinks import ObjectSink
from swiftlite.proxy.reading import ReadPlan
from swiftlite.web import Refusal, Request, Response


@dataclass(frozen=True, slots=True)
class Kind:
    sink: Callable[[Context], ObjectSink]
    read: Callable[[Context, Request, ReadPlan], Response]


KINDS = {REPLICATION: Kind(ReplicatedSink, read_replicated)}


def kind_of(policy: Policy) -> Kind:
    """Refusal 503 for a kind that this proxy does not serve."""
    kind = KINDS.get(policy.kind)
    if kind is None:
        raise Refusal(503, f"This proxy does not serve policies of type {policy.kind}.")
    return kind
