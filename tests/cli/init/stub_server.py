"""Stands for a server in tests of swiftlite-init; a copy of it has the server's name.

Writes the signals that it gets, and the options that it was given, into CONF.heard. What the conf
says it does wrong: `fail` (cannot start), `deaf` (ignores SIGTERM), `slow` (says nothing), `brief`
(ends at once).
"""

import contextlib
import os
import signal
import socket
import sys

conf = sys.argv[1]
with open(conf) as source:
    fault = source.read().strip()


def hear(word: str) -> None:
    with open(f"{conf}.heard", "a") as target:
        target.write(f"{word}\n")


def end(number: int, _frame: object) -> None:
    hear(signal.Signals(number).name)
    if number == signal.SIGUSR1 or (fault == "deaf" and number == signal.SIGTERM):
        return
    sys.exit(0)


with contextlib.suppress(PermissionError):  # it leads a session already
    os.setsid()
if fault == "fail":
    sys.exit("cannot start: no luck")
for caught in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(caught, end)
hear(" ".join(["started", *sys.argv[2:]]))
if fault == "brief" or {"--once", "once"} & set(sys.argv):
    sys.exit(0)
address = os.environ.get("NOTIFY_SOCKET", "")
if address and fault != "slow":
    nobody_listens = contextlib.suppress(ConnectionRefusedError)
    with nobody_listens, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect("\0" + address[1:])
        manager.send(b"READY=1")
if not address and not {"-v", "verbose"} & set(sys.argv):  # a manager waits for their end
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for standard in (1, 2):
        os.dup2(nowhere, standard)
while True:
    signal.pause()
