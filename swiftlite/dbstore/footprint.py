"""Whether a database has changed since it was last looked at, without opening it.

A write to a database, its WAL or its journal moves the change time of that file on. File systems
count it in ticks of a few ms: two writes within one tick look like one. So a footprint says
something only once its newest change is older than any tick; until then it is `settled` for nobody.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from swiftlite.dbstore.places import Place
from swiftlite.formats.db_files import db_names_in
from swiftlite.host.disk import Disk

_TICK_NS = 2_000_000_000
"""ext4 and XFS tick every 1-10 ms; file systems with whole seconds are covered too."""
_COMPANIONS = ("-wal", "-journal")


@dataclass(frozen=True, slots=True)
class Footprint:
    """A database's files at one moment.

    path: the file that takes writes. marks: inode, change time and size of each file.
    alone: the database file alone is the whole database: nothing waits in a WAL, a journal that a
    crash left, or a pending file.
    """

    path: str
    marks: tuple[tuple[int, int, int], ...]
    alone: bool

    def settled(self, wall: float) -> bool:
        """Whether a later change would look different. wall: seconds now."""
        newest = max(changed for _, changed, _ in self.marks)
        return newest + _TICK_NS < wall * 1e9


def footprint(disk: Disk, place: Place) -> Footprint | None:
    """None when there is no database. Raises OSError."""
    try:
        names = disk.listdir(place.directory)
    except FileNotFoundError:
        return None
    found = db_names_in(names, place.digest)
    if not found:
        return None
    name = found[-1]
    marks = []
    alone = len(found) == 1
    beside = [f"{name}{companion}" for companion in _COMPANIONS]
    pending = posixpath.basename(place.pending_path)
    try:
        for each in (name, *(other for other in (*beside, pending) if other in names)):
            facts = disk.stat(f"{place.directory}/{each}")
            marks.append((facts.st_ino, facts.st_ctime_ns, facts.st_size))
            if each != name and facts.st_size:
                alone = False
    except FileNotFoundError:
        return footprint(disk, place)  # a journal went, or the database, while we looked
    return Footprint(f"{place.directory}/{name}", tuple(marks), alone)
