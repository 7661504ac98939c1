"""Options of `[DEFAULT]` that say how a server runs, whatever it serves. Names are Swift's."""

from __future__ import annotations

import os
from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt
from swiftlite.config.units import parse_auto_int


@dataclass(frozen=True, slots=True)
class ServerOptions:
    SECTION = "DEFAULT"

    bind_ip: str = opt(
        "127.0.0.1",
        "Address to listen on: one of this node's, or 0.0.0.0 for all. Storage servers trust "
        "whoever reaches them, so theirs is a network that clients cannot reach.",
    )
    bind_port: int | None = opt(
        None, "Port to listen on; must be set.", minimum=1, maximum=65_535, shown=""
    )
    bind_timeout: Seconds = opt(
        30.0, "How long to wait for a port that is still in use.", minimum=0
    )
    backlog: int = opt(4096, "Connections that may wait to be accepted.", minimum=1)
    workers: int | None = opt(
        None,
        "Worker processes; auto: one for each processor; 0: none, the server is one process.",
        minimum=0,
        maximum=1024,
        parse=parse_auto_int,
        shown="auto",
    )
    max_clients: int = opt(
        1024, "Connections that one worker serves at a time; more wait.", minimum=1
    )
    client_timeout: Seconds = opt(
        60.0, "Longest wait for a client to send more of its request, or to take more.", minimum=0.1
    )
    keepalive_timeout: Seconds | None = opt(
        None,
        "Longest wait for a client's next request on a connection; 0 closes it after each. "
        "As client_timeout if not set.",
        minimum=0,
        shown="",
    )
    stop_timeout: Seconds = opt(
        30.0, "After SIGTERM, how long requests that are under way may still take.", minimum=0
    )
    stale_worker_timeout: Seconds = opt(
        86_400.0,
        "After a reload, how long requests that are under way in the old workers may still take.",
        minimum=0,
    )
    scheduling: str = opt(
        "batch",
        "What a server does when it is woken and all processors are taken: batch: it waits until "
        "one is let go, which is cheaper, because half a dozen processes have a part in one "
        "request; normal: it may push another off. A policy given from outside stays.",
        choices=("batch", "normal"),
    )
    user: str = opt("", "Become this user after binding, when started by root; empty: stay.")
    swift_dir: str = opt("/etc/swift", "Where swift.conf and the rings are.")

    @property
    def worker_count(self) -> int:
        return len(os.sched_getaffinity(0)) if self.workers is None else self.workers


@dataclass(frozen=True, slots=True)
class PortOptions:
    """Workers by ring port, so that a slow disk with a port of its own delays no other."""

    SECTION = "DEFAULT"
    CONF = ("object-server.conf",)

    servers_per_port: int = opt(
        0,
        "Workers for each port that the object rings give to devices of this node; bind_port and "
        "workers then count for nothing. 0: off.",
        minimum=0,
        maximum=64,
    )
    ring_check_interval: Seconds = opt(
        15.0, "With servers_per_port, seconds between two looks at the rings.", minimum=0.1
    )
    ring_ip: str = opt(
        "", "With servers_per_port, this node's address in the rings, where bind_ip is not that."
    )


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """A shorter way for processes of the same host and user."""

    SECTION = "DEFAULT"
    CONF = ("account-server.conf", "container-server.conf", "object-server.conf")

    local_sockets: bool = opt(
        True,
        "Listen at a local socket too, for proxies on this host that are run by the same user.",
    )
