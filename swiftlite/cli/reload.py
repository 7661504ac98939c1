"""`swiftlite-reload PID`: tries a server's conf, reloads the server, waits until it has.

Exit codes: 0 reloaded, 1 the conf is at fault, 2 no such server (or wrong usage), 238 not ready in
time (128 + ETIMEDOUT).
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

from swiftlite.cli.processes import words_of
from swiftlite.host.os_clock import monotonic
from swiftlite.service.reload import CHECK_OPTION, notify_socket
from swiftlite.service.servers import MAIN, PREFIX

CONF_AT_FAULT, NO_SERVER, TIMED_OUT = 1, 2, 128 + errno.ETIMEDOUT
_STATES = {"READY=1": "ready", "RELOADING=1": "reloading", "STOPPING=1": "stopping"}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-reload",
        description="Give a proxy, account, container or object server its conf and its code anew, "
        "without a request lost. PID is the parent's, as in its pid file.",
    )
    made.add_argument("pid", type=int)
    waiting = made.add_mutually_exclusive_group()
    waiting.add_argument(
        "-t", "--timeout", type=float, default=300.0, help="seconds to wait for it (300)"
    )
    waiting.add_argument(
        "-w", "--no-wait", action="store_true", help="end as soon as the server was told"
    )
    made.add_argument("-v", "--verbose", action="store_true", help="say what happens")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    words = words_of(options.pid)
    fault = _fault_of(options.pid, words)
    if fault is not None:
        return _fail(fault, NO_SERVER)
    command = shutil.which(words[0], path=_search_path()) or words[0]
    if options.verbose:
        print(f"Trying the conf {words[1]}")
    if subprocess.call([command, words[1], CHECK_OPTION]) != 0:
        return _fail(f"{words[1]} is at fault; {words[0]} goes on as it is", CONF_AT_FAULT)
    if options.no_wait:
        os.kill(options.pid, signal.SIGUSR1)
    else:
        code = _reload_and_wait(options.pid, words[0], options.timeout, options.verbose)
        if code:
            return code
    print(f"Reloaded {words[0]}")
    return 0


def _search_path() -> str:
    """Beside this very command first."""
    return os.pathsep.join((os.path.dirname(sys.argv[0]), os.environ.get("PATH", os.defpath)))


def _fail(sentence: str, code: int) -> int:
    print(f"swiftlite-reload: {sentence}", file=sys.stderr)
    return code


def _fault_of(pid: int, words: Sequence[str]) -> str | None:
    if not words:
        return f"process {pid} is not a swiftlite server"
    if words[0].removeprefix(PREFIX) not in MAIN:
        return f"process {pid} is {words[0]}, which does not reload; restart it"
    if len(words) > 1 and words[1] == "worker":
        return f"process {pid} is a worker; its parent is the one to reload"
    if len(words) < 2:
        return f"process {pid} does not say which conf it has"
    return None


def _reload_and_wait(pid: int, name: str, timeout: float, verbose: bool) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        try:
            notices.bind("\0" + notify_socket(pid)[1:])
        except OSError as error:
            return _fail(f"another swiftlite-reload waits for it ({error.strerror})", CONF_AT_FAULT)
        os.kill(pid, signal.SIGUSR1)
        until = monotonic() + timeout
        while (rest := until - monotonic()) > 0:
            notices.settimeout(rest)
            try:
                told = notices.recv(1024).decode(errors="replace")
            except TimeoutError:
                break
            for line in told.splitlines():
                if verbose:
                    print(f"{name} is {_STATES[line]}" if line in _STATES else f"{name}: {line}")
                if line == "READY=1":
                    return 0
                if line.startswith("STATUS=not reloaded"):
                    return _fail(f"{name} {line.removeprefix('STATUS=')}", CONF_AT_FAULT)
    return _fail(f"{name} was not ready within {timeout:g} s", TIMED_OUT)
