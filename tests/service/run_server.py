"""A server for test_wsgi_main.py, run as a process of its own: run_server.py CONF [NAME]."""

from __future__ import annotations

import sys

from swiftlite.service.reload import CHECK_OPTION
from swiftlite.service.wsgi_main import ServerKind, check, run
from swiftlite.vocab.errors import SwiftliteError

act = check if CHECK_OPTION in sys.argv else run
words = [word for word in sys.argv[1:] if word != CHECK_OPTION]
try:
    act(ServerKind(words[1] if words[1:] else "test-server", 8080), words[0])
except SwiftliteError as error:
    sys.exit(f"cannot start: {error}")
