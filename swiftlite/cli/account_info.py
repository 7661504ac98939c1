"""`swiftlite-account-info DATABASE`. Exit codes: see db_info."""

from __future__ import annotations

import argparse

from swiftlite.cli.db_info import main_of, parser_of


def parser() -> argparse.ArgumentParser:
    return parser_of("account")


def main() -> int:
    return main_of("account")
