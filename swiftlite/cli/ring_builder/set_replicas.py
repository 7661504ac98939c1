"""set_replicas: how many replicas each partition has."""

from __future__ import annotations

from .choosing import Parser
from .session import SUCCESS, Session

SUMMARY = "replicas per partition, fractions allowed"
USAGE = """\
swiftlite-ring-builder <builder file> set_replicas <replicas>

2.5 means that half of the partitions have three replicas. Takes effect at the next rebalance."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("replicas", type=float)
    replicas = parser.parse_args(args).replicas
    session.builder.set_replicas(replicas)
    session.save()
    session.say(
        f"The replica count is now {replicas:.6f}; it takes effect at the next rebalance",
        replicas=replicas,
    )
    return SUCCESS
