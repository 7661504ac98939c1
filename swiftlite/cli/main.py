"""`swiftlite`: one command with everything beneath it.

Exit codes: 0 done, 1 could not, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from swiftlite import __version__
from swiftlite.cli import server
from swiftlite.cli.bench import command as bench
from swiftlite.cli.doctor import command as doctor
from swiftlite.cli.plan import command as plan
from swiftlite.vocab.errors import SwiftliteError


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite", description="An object store in Swift's manner."
    )
    made.add_argument("--version", action="version", version=f"swiftlite {__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND")
    server.add_command(commands)
    bench.add_command(commands)
    doctor.add_command(commands)
    plan.add_command(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser()
    options = made.parse_args(arguments)
    if options.command is None:
        made.print_help()
        return 2
    if sys.flags.optimize:
        print("swiftlite: does not run under python -O", file=sys.stderr)
        return 1
    try:
        code: int = options.run(options)
    except SwiftliteError as error:
        print(f"swiftlite: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
