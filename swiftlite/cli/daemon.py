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
TO_TERMINAL = dict.fromkeys(("log_file", "log_facility", "log_address", "log_udp_host"), "")


def parser_of(kind: ServerKind) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=kind.title,
        description=f"Run the {kind.name.replace('-', ' ')} of a conf file in the foreground.",
    )
    parser.add_argument("conf", help="a conf file, or a directory of *.conf files")
    parser.add_argument("word", nargs="?", choices=("verbose",), help="the same as --verbose")
    parser.add_argument("--version", action="version", version=f"swiftlite {__version__}")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log to the terminal, whatever the conf says"
    )
    parser.add_argument(
        "-t",
        CHECK_OPTION,
        action="store_true",
        help="load everything, say what is wrong, and end",
    )
    return parser


def main_of(kind: ServerKind, arguments: Sequence[str] | None = None) -> int:
    options = parser_of(kind).parse_intermixed_args(arguments)
    if sys.flags.optimize:
        print(f"{kind.title}: does not run under python -O", file=sys.stderr)
        return 1
    try:
        if options.test_config:
            check(kind, options.conf)
        else:
            to_terminal = options.verbose or options.word is not None
            run(kind, options.conf, TO_TERMINAL if to_terminal else None)
    except SwiftliteError as error:
        print(f"{kind.title}: {error}", file=sys.stderr)
        return 1
    return 0
