"""Whether a database's file is sound, as far as reading all of it can tell."""

from __future__ import annotations

from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.errors import DatabaseDamaged
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.standing import Standing, read_standing

_CHECK_TIMEOUT_S = 600.0
_FAULTS = 3


def check_database(broker: Broker[Row], *, pages: bool) -> Standing:
    """Read its facts and, with pages, every page of it. Raises DatabaseDamaged; it is in
    quarantine then.

    Reads one snapshot; nobody who writes waits for it.
    """

    def work(connection: Connection) -> Standing:
        if pages:
            _check_pages(connection)
        return read_standing(connection.sql, broker.kind, connection.path)

    return broker.engine.read(broker.place, work, timeout=_CHECK_TIMEOUT_S)


def _check_pages(connection: Connection) -> None:
    found = connection.sql.execute(f"PRAGMA quick_check({_FAULTS})").fetchall()
    faults = [str(row[0]) for row in found]
    if faults != ["ok"]:
        raise DatabaseDamaged(connection.path, "; ".join(faults))
