"""Starts servers for tests: imports everything once and forks for each line of standard input.

A line is a JSON list of kind, conf and log; the answer is the pid of a process that does what
`swiftlite-<kind>-server CONF` does. All of them end with this process.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from swiftlite.cli.embedded.supervise import KINDS
from swiftlite.config.load import read_conf
from swiftlite.service import wsgi_main
from swiftlite.service.child import die_with_parent
from swiftlite.service.pipeline import preload
from swiftlite.vocab.errors import SwiftliteError


def serve(kind: str, conf: str, log: str, parent: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent(parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    try:
        wsgi_main.run(KINDS[kind], conf)
    except SwiftliteError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects those that end
    parent = os.getpid()
    for line in sys.stdin:
        kind, conf, log = json.loads(line)
        preload(read_conf(conf))
        pid = os.fork()
        if pid == 0:
            serve(kind, conf, log, parent)
        print(pid, flush=True)


main()
