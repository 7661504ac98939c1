"""What the handlers of the object server share."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.host.bundle import Host
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.server.metadata import AllowedHeaders
from swiftlite.obj.server.updates import Updates
from swiftlite.objectstore.manager import Manager
from swiftlite.policies import PolicyCollection
from swiftlite.vocab.limits import Limits


@dataclass(frozen=True, slots=True)
class ServerContext:
    host: Host
    options: ObjectServerOptions
    manager: Manager
    policies: PolicyCollection
    limits: Limits
    allowed: AllowedHeaders
    updates: Updates
