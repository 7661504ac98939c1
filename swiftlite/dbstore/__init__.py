"""Account and container databases: SQLite files that OpenStack Swift can open, and we its.

The only door to sqlite3. Knows no HTTP. What a method has done when it returns is on stable
storage. See doc/formats/databases.md for the files.
"""

from swiftlite.dbstore.account import AccountBroker
from swiftlite.dbstore.container import ContainerBroker
from swiftlite.dbstore.device import Devices
from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.folding import Folder
from swiftlite.dbstore.kind import ACCOUNT_KIND, CONTAINER_KIND
from swiftlite.dbstore.listing import Window
from swiftlite.dbstore.options import DatabaseOptions, StoreSettings, store_settings

__all__ = [
    "ACCOUNT_KIND",
    "CONTAINER_KIND",
    "AccountBroker",
    "ContainerBroker",
    "DatabaseOptions",
    "Devices",
    "Engine",
    "Folder",
    "StoreSettings",
    "Window",
    "store_settings",
]
