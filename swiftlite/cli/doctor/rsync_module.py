"""Whether an rsync daemon serves a module, asked in the first lines of its protocol."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import BinaryIO

PORT = 873
_GREETING = b"@RSYNCD: "
_ERROR = b"@ERROR: "
# It is there, though not for us, or not now.
_THERE = ("max connections", "access denied")
_LINES_MAX, _LINE_MAX = 1000, 1024


class ModuleFault(Exception):
    """What the daemon says against it."""


def ask_module(ip: str, module: str, patience_s: float) -> None:
    """Raises ModuleFault, or OSError where no rsync daemon answers."""
    with (
        socket.create_connection((ip, PORT), timeout=patience_s) as connection,
        connection.makefile("rb") as lines,
    ):
        greeting = lines.readline(_LINE_MAX)
        if not greeting.startswith(_GREETING):
            raise ConnectionError("something else listens there")
        connection.sendall(b"@RSYNCD: 30.0\n" + module.encode() + b"\n")
        for line in _said(lines):
            if line.startswith(_GREETING):
                return
            if line.startswith(_ERROR):
                why = line.removeprefix(_ERROR).decode(errors="replace").strip()
                if why.startswith(_THERE):
                    return
                raise ModuleFault(why)
    raise ConnectionError("it hung up")


def _said(lines: BinaryIO) -> Iterator[bytes]:
    """Its message of the day may come first."""
    for _ in range(_LINES_MAX):
        if not (line := lines.readline(_LINE_MAX)):
            return
        yield line
