"""A copy of a database as it is at one moment, while others go on writing to it.

Made page by page under one read transaction, so that it is whole whatever the journal mode; what
is in a WAL is in the copy. The copy is in rollback mode, with no file beside it: any program may
open it, wherever it is carried.
"""

from __future__ import annotations

import posixpath
import sqlite3
from contextlib import suppress

from swiftlite.dbstore.connection import Connection
from swiftlite.dbstore.device import device_error
from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.temporary import temporary_path

_SNAPSHOT_TIMEOUT_S = 60.0


class Snapshot:
    """A context manager that gives the copy's path, and removes it afterwards.

    name: what the file it was made of is called, which tells how far a container is sharded.
    """

    def __init__(self, engine: Engine[Row], place: Place) -> None:
        self._engine = engine
        self._place = place
        self.path = ""
        self.name = ""

    def __enter__(self) -> Snapshot:
        """Raises the room's errors, DeviceFull among them."""
        engine, place = self._engine, self._place
        self.path = temporary_path(engine.disk, place.device_path, engine.entropy.uuid_hex())
        try:
            engine.read(place, self._copy, timeout=_SNAPSHOT_TIMEOUT_S)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _copy(self, connection: Connection) -> None:
        self.name = posixpath.basename(connection.path)
        copy = sqlite3.connect(self.path, isolation_level=None)
        try:
            copy.execute("PRAGMA synchronous = OFF")  # it need not outlive this process
            connection.sql.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()

    def _remove(self) -> None:
        def remove() -> None:
            for suffix in ("", "-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    self._engine.disk.unlink(self.path + suffix)

        try:
            self._engine.offload(self._place, remove)
        except OSError as error:
            raise device_error(posixpath.dirname(self.path), error) from error
