"""`swiftlite-account-server CONF`."""

from __future__ import annotations

from swiftlite.cli.daemon import ACCOUNT, main_of


def main() -> int:
    return main_of(ACCOUNT)
