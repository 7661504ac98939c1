"""What both kinds of database share: sync points, the row hash, and the words for a column set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.vocab.hashing import short_md5

EMPTY_HASH = "0" * 32
DELETED_STATUS = "DELETED"


def sync_table(direction: str) -> tuple[str, ...]:
    """direction: "incoming" or "outgoing". Every change stamps updated_at with the unix time."""
    stamp = (
        f"BEGIN UPDATE {direction}_sync SET updated_at = STRFTIME('%s', 'NOW') "
        "WHERE ROWID = new.ROWID; END"
    )
    return (
        f"CREATE TABLE {direction}_sync "
        "(remote_id TEXT UNIQUE, sync_point INTEGER, updated_at TEXT DEFAULT 0)",
        f"CREATE TRIGGER {direction}_sync_insert AFTER INSERT ON {direction}_sync {stamp}",
        f"CREATE TRIGGER {direction}_sync_update AFTER UPDATE ON {direction}_sync {stamp}",
    )


SYNC_TABLES = (*sync_table("outgoing"), *sync_table("incoming"))


def no_updates(table: str) -> str:
    """Rows change by delete and insert alone, so that ROWIDs tell what is new to a peer."""
    return (
        f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} "
        "BEGIN SELECT RAISE(FAIL, 'UPDATE not allowed; DELETE and INSERT'); END"
    )


def row_digest(name: str, text: str) -> int:
    """What one row adds to the hash of its table: MD5 of `name-text`, as a number to XOR."""
    return int.from_bytes(short_md5(f"{name}-{text}".encode()).digest(), "big")


def chexor(old: str, name: str | None, text: str | None) -> str:
    """The SQL function of that name: fold a row into (or out of) a 32-digit hex hash."""
    if name is None:
        raise ValueError("a row without a name")
    return f"{int(old, 16) ^ row_digest(name, str(text)):032x}"


@dataclass(frozen=True, slots=True)
class LateColumn:
    """A column that older files lack, with the words that add it."""

    table: str
    name: str
    declaration: str


def late_columns(table: str, *declarations: str) -> Iterable[LateColumn]:
    """declarations: `name TYPE DEFAULT x`."""
    for declaration in declarations:
        name, _, rest = declaration.partition(" ")
        yield LateColumn(table, name, rest)
