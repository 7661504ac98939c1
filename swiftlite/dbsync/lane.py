"""How two swiftlite nodes find out that they may use the short ways of replicating databases.

A request that carries the header is answered with it by those who know it; others pass it over.
"""

from __future__ import annotations

LANE_HEADER = "X-Backend-Swiftlite"
LANE = "databases"
REPLICA_HEADER = "X-Backend-Swiftlite-Replica"
"""On a REPLICATE whose body is a database file: the id of the replica that it is a copy of."""
NAME_HEADER = "X-Backend-Swiftlite-File"
"""Beside it: what the file is called at the sender; without it, by the database's hash alone."""
