"""What the commands of all servers share: `swiftlite-object-server CONF`.

Runs in the foreground until SIGTERM or Ctrl-C. Exit codes: 0 stopped, 1 could not start, 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from swiftlite import __version__
from swiftlite.service.reload import CHECK_OPTION
from swiftlite.service.wsgi_main import ServerKind, check, run
from swiftlite.vocab.errors import SwiftliteError

PROXY = ServerKind("proxy-server", 8080, handles_objects=True)
OBJECT = ServerKind("object-server", 6200, handles_objects=True)
CONTAINER = ServerKind("container-server", 6201)
ACCOUNT = ServerKind("account-server", 6202)


def main_of(kind: ServerKind, arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog=f"swiftlite-{kind.name}",
        description=f"Run the {kind.name.replace('-', ' ')} of a conf file in the foreground.",
    )
    parser.add_argument("conf", help="a conf file, or a directory of *.conf files")
    parser.add_argument("--version", action="version", version=f"swiftlite {__version__}")
    parser.add_argument(
        CHECK_OPTION, action="store_true", help="load everything, say what is wrong, and end"
    )
    options = parser.parse_args(arguments)
    if sys.flags.optimize:
        print(f"{parser.prog}: does not run under python -O", file=sys.stderr)
        return 1
    try:
        (check if options.test_config else run)(kind, options.conf)
    except SwiftliteError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0
