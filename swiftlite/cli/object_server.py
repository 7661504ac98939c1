"""`swiftlite-object-server CONF`."""

from __future__ import annotations

from swiftlite.cli.daemon import OBJECT, main_of


def main() -> int:
    return main_of(OBJECT)
