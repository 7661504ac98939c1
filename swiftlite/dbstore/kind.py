"""What differs between the two kinds of database, as a value that the engine works with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.migrate import migrate_account, migrate_container
from swiftlite.dbstore.row_table import CONTAINERS, OBJECTS, RowTable
from swiftlite.dbstore.rows import (
    ContainerRow,
    ObjectRow,
    container_row_from_json,
    container_row_from_pending,
    object_row_from_json,
    object_row_from_pending,
)
from swiftlite.formats import db_files
from swiftlite.formats.db_schema import account as account_schema
from swiftlite.formats.db_schema import container as container_schema


@dataclass(frozen=True)
class Kind(Generic[Row]):
    """Accounts or containers: their folder, their schema, their rows."""

    name: str  # "account" or "container"
    folder: str
    facts_table: str
    schema: Callable[[bool], tuple[str, ...]]
    rows: RowTable[Row]
    triggers: frozenset[str]
    migrate: Callable[[sqlite3.Connection], None]
    row_of_pending: Callable[[Sequence[object]], Row]
    row_of_json: Callable[[object], Row]
    names_query: str  # gives the names that the database says it is for


ACCOUNT_KIND: Kind[ContainerRow] = Kind(
    "account",
    db_files.ACCOUNTS,
    "account_stat",
    lambda wide: account_schema.schema(wide_index=wide),
    CONTAINERS,
    account_schema.STAT_TRIGGERS,
    migrate_account,
    container_row_from_pending,
    container_row_from_json,
    "SELECT account FROM account_stat",
)
CONTAINER_KIND: Kind[ObjectRow] = Kind(
    "container",
    db_files.CONTAINERS,
    "container_info",
    lambda wide: container_schema.schema(wide_index=wide),
    OBJECTS,
    container_schema.STAT_TRIGGERS,
    migrate_container,
    object_row_from_pending,
    object_row_from_json,
    "SELECT account, container FROM container_info",
)
