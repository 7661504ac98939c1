"""Taking a database off a device, while other processes may hold it open or be writing to it.

The directory is renamed away while we hold the database's write lock. Whoever waits for the lock
commits to a file that has no place any more, notices that, and starts over: nobody is told that
something is kept which went with the file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.device import device_error
from swiftlite.dbstore.engine import Change
from swiftlite.dbstore.errors import DatabaseMissing
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.standing import Standing, read_standing
from swiftlite.dbstore.temporary import remove_empty, remove_tree, temporary_path
from swiftlite.host.disk import Disk


def remove_database(broker: Broker[Row], may_go: Callable[[Standing], bool]) -> bool:
    """Remove the database if, with writers locked out, it may go; whether it did.

    Its directory goes first to the device's tmp, in one step; a crash leaves it there, or leaves
    everything. Raises the room's errors; DatabaseMissing when there is none.
    """
    engine, place = broker.engine, broker.place
    away = temporary_path(engine.disk, place.device_path, engine.entropy.uuid_hex())
    moved = False

    def change(connection: Connection) -> None:
        nonlocal moved
        if moved:
            return  # the engine, finding the file gone, has come upon one made since
        if not may_go(read_standing(connection.sql, broker.kind, connection.path)):
            return
        try:
            engine.disk.rename(place.directory, away)
        except OSError as error:
            raise device_error(place.directory, error) from error
        moved = True

    try:
        engine.write(broker.place, Change(change))
    except DatabaseMissing:
        # The engine found, after its commit, that the file has moved, and none in its place.
        if not moved:
            raise
    if moved:
        engine.exclusively(place, lambda: _clean_up(engine.disk, place, away))
    return moved


def _clean_up(disk: Disk, place: Place, away: str) -> None:
    try:
        remove_tree(disk, away)
        remove_empty(disk, posixpath.dirname(place.directory), levels=2)
    except OSError as error:
        raise device_error(place.directory, error) from error
