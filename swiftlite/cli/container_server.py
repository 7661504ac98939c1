"""`swiftlite-container-server CONF`."""

from __future__ import annotations

from swiftlite.cli.daemon import CONTAINER, main_of


def main() -> int:
    return main_of(CONTAINER)
