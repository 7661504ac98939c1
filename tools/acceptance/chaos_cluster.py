"""The embedded cluster with each storage node in a network namespace of its own.

    python -m tools.acceptance.chaos_cluster NETWORK DIR [options of `swiftlite server`]

It is `swiftlite server` but for two things: rings and confs name the addresses of the namespaces,
and each process of a node enters its namespace before it does anything else. NETWORK is the name of
a chaos_network.Network that is there; this program itself belongs into its hub.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from swiftlite.cli import main as command
from swiftlite.cli.embedded import start as starting
from swiftlite.cli.embedded import supervise as supervising
from swiftlite.cli.embedded.layout import HOST, STORAGE_KINDS, Layout, ServerName
from swiftlite.cluster import conf as cluster_conf
from swiftlite.ring import RingBuilder
from swiftlite.service.child import Report
from swiftlite.service.crew import Post
from tools.acceptance.chaos_network import address, enter


def main() -> int:
    network, *words = sys.argv[1:]
    supervise = supervising.supervise

    def supervise_moved(layout: Layout, *given: Any, **named: Any) -> None:  # noqa: ANN401
        move(layout)
        supervise(layout, *given, **named)

    def placed(name: str, work: Callable[[Report], None], **rest: Any) -> Post:  # noqa: ANN401
        node = name.rpartition(" ")[2]
        if node.isdigit():
            work = partial(_work_inside, f"{network}-{node}", work)
        return Post(name, work, **rest)

    starting.supervise = supervise_moved  # type: ignore[attr-defined]  # it imports the name
    supervising.Post = placed  # type: ignore[assignment,attr-defined]  # a function for the class
    return command.main(["server", *words])


def _work_inside(namespace: str, work: Callable[[Report], None], ready: Report) -> None:
    enter(namespace)
    work(ready)


def move(layout: Layout) -> None:
    """Rings and confs: from 127.0.0.1 to the address of each node."""
    hash_path = cluster_conf.load(str(layout.etc)).hash_path
    for kind in STORAGE_KINDS:
        builder = RingBuilder.load(str(layout.builder(kind)))
        for node in range(1, layout.nodes + 1):
            builder.set_info(node - 1, ip=address(node), replication_ip=address(node))
            conf = layout.conf(ServerName(kind, node))
            text = conf.read_text()
            conf.write_text(text.replace(f"bind_ip = {HOST}", f"bind_ip = {address(node)}"))
        builder.save(str(layout.builder(kind)), new_id=f"{kind}-{time.monotonic_ns()}")
        builder.ring(hash_path).save(str(layout.ring(kind)))


if __name__ == "__main__":
    sys.exit(main())
