"""Names by which operators find processes: in ps, top and pkill."""

from __future__ import annotations

import contextlib
import ctypes
import os

_PR_SET_NAME = 15
_NAME_MAX = 15  # the kernel's TASK_COMM_LEN less its NUL
# Fields of /proc/self/stat after the command in parentheses, which may hold spaces (proc(5)).
_ARG_START, _ARG_END = 48 - 3, 49 - 3


def set_process_name(title: str) -> None:
    """Show title in the process list, cut to the room that the command line had.

    A forked child keeps its parent's command line, so without this the servers of one cluster
    could not be told apart. What the kernel refuses is left as it is.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, short_name(title).encode(), 0, 0, 0)
        start, end = _argument_span()
        room = end - start
        if room > 0:
            ctypes.memmove(start, _padded(title, room), room)


def short_name(title: str) -> str:
    """What fits into 15 bytes: `swiftlite-object-server ...` -> `sl-object-serv`."""
    word = title.split(" ", 1)[0].replace("swiftlite-", "sl-", 1)
    return word[:_NAME_MAX]


def _padded(title: str, room: int) -> bytes:
    """The kernel shows everything up to the end of the span; the last byte must be NUL."""
    text = title.encode("utf-8", "replace")[: room - 1]
    return text + b"\0" * (room - len(text))


def _argument_span() -> tuple[int, int]:
    """Where this process keeps its command line; (0, 0) when the kernel does not say."""
    descriptor = os.open("/proc/self/stat", os.O_RDONLY)
    try:
        fields = os.read(descriptor, 4096).rpartition(b") ")[2].split()
    finally:
        os.close(descriptor)
    if len(fields) <= _ARG_END:
        return 0, 0
    return int(fields[_ARG_START]), int(fields[_ARG_END])
