"""A server for test_wsgi_main.py, run as a process of its own: run_server.py CONF."""

from __future__ import annotations

import sys

from swiftlite.service.wsgi_main import ServerKind, run
from swiftlite.vocab.errors import SwiftliteError

try:
    run(ServerKind("test-server", 8080), sys.argv[1])
except SwiftliteError as error:
    sys.exit(f"cannot start: {error}")
