"""`swiftlite-proxy-server CONF`."""

from __future__ import annotations

from swiftlite.cli.daemon import PROXY, main_of


def main() -> int:
    return main_of(PROXY)
