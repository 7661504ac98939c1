"""Every bound that a client can run into, by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from swiftlite.protocols.http1.heads import HeadLimits


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Times in seconds, sizes in bytes. Swift's names where Swift has one."""

    max_clients: int = 1024  # connections of one process; idle ones make room for new ones
    client_timeout: float = 60.0  # longest pause while a body comes or an answer goes
    keepalive_timeout: float = 60.0  # longest pause between two requests; 0: no second request
    head_timeout: float = 60.0  # from the first byte of a head to its last
    head: HeadLimits = field(default_factory=HeadLimits)
    drain_bytes: int = 65536  # of an unread body are read to keep the connection
    linger_timeout: float = 2.0  # for a client that still sends when it has been refused
