"""Where log lines go: a descriptor, a file, syslog, or nowhere.

Each line is one write(2) or one datagram, so that processes may share a destination without
mixing lines. No sink raises and none waits for a network: what cannot be written is dropped.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from time import gmtime, strftime

from swiftlite.observe.log import CRITICAL, DEBUG, ERROR, INFO, NOTICE, WARNING

PRIORITIES = {DEBUG: 7, INFO: 6, NOTICE: 5, WARNING: 4, ERROR: 3, CRITICAL: 2}
FACILITIES = {
    **{name: number for number, name in enumerate(("KERN", "USER", "MAIL", "DAEMON", "AUTH"))},
    **{f"LOCAL{number}": 16 + number for number in range(8)},
}
_MILLISECONDS = tuple([f".{number:03d}Z" for number in range(1000)])
Wall = Callable[[], float]


class NullSink:
    """Drops everything."""

    def write(self, level: int, line: str) -> None:
        pass


class StreamSink:
    """Lines to a descriptor, with a UTC time stamp when a clock is given.

    Under systemd there is no clock and journal is true: the journal stamps lines itself and
    reads the priority from a `<6>` in front.
    """

    def __init__(self, descriptor: int, *, wall: Wall | None = None, journal: bool = False) -> None:
        self._descriptor = descriptor
        self._wall = wall
        self._journal = journal
        self._second = -1
        self._stamp = ""

    def write(self, level: int, line: str) -> None:
        if self._journal:
            line = f"<{PRIORITIES.get(level, 6)}>{line}"
        elif self._wall is not None:
            line = f"{self._now(self._wall())} {line}"
        _write_whole(self._descriptor, f"{line}\n".encode("utf-8", "backslashreplace"))

    def _now(self, wall: float) -> str:
        """`2026-01-31T12:00:00.123Z`; the part up to the second is made once a second."""
        second = int(wall)
        if second != self._second:
            self._second = second
            self._stamp = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
        return self._stamp + _MILLISECONDS[int((wall - second) * 1000)]


class FileSink(StreamSink):
    """Lines appended to a file of its own; reopen() after logrotate has moved it."""

    def __init__(self, path: str, *, wall: Wall) -> None:
        self.path = path
        super().__init__(_open_append(path), wall=wall)

    def reopen(self) -> None:
        fresh = _open_append(self.path)
        old, self._descriptor = self._descriptor, fresh
        os.close(old)


class SyslogSink:
    """Datagrams to syslog: a unix socket's path, or (host, port) for UDP.

    A daemon that restarts makes the socket unusable; it is connected again at the next line.
    """

    def __init__(self, address: str | tuple[str, int], facility: str = "LOG_LOCAL0") -> None:
        self._address = address
        self._facility = facility_number(facility) << 3
        self._socket: socket.socket | None = None

    def write(self, level: int, line: str) -> None:
        data = f"<{self._facility | PRIORITIES.get(level, 6)}>{line}\0"
        self._send(data.encode("utf-8", "backslashreplace"))

    def _send(self, data: bytes) -> None:
        for _ in range(2):
            try:
                if self._socket is None:
                    self._socket = connect_datagram(self._address)
                self._socket.send(data, socket.MSG_DONTWAIT)
                return
            except BlockingIOError:
                return
            except OSError:
                if self._socket is not None:
                    self._socket.close()
                self._socket = None


def facility_number(name: str) -> int:
    """`LOG_LOCAL0` or `local0` -> 16. Raises ValueError, worded to follow an option's name."""
    number = FACILITIES.get(name.upper().removeprefix("LOG_"))
    if number is None:
        raise ValueError(f"must be one of {', '.join('LOG_' + known for known in FACILITIES)}")
    return number


def connect_datagram(address: str | tuple[str, int]) -> socket.socket:
    """A connected datagram socket: unix for a path, UDP (v4 or v6) for host and port."""
    if isinstance(address, str):
        family, target = socket.AF_UNIX, address
    else:
        found = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
        family, target = found[0], found[4]  # type: ignore[assignment]  # an address of family
    made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        made.connect(target)
    except OSError:
        made.close()
        raise
    return made


def is_journal(descriptor: int, journal_stream: str) -> bool:
    """Whether a descriptor is the journal: systemd names its device and inode in JOURNAL_STREAM."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return journal_stream == f"{status.st_dev}:{status.st_ino}"


def _open_append(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _write_whole(descriptor: int, data: bytes) -> None:
    try:
        while (written := os.write(descriptor, data)) < len(data):
            data = data[written:]
    except OSError:
        pass  # a full disk or a closed pipe: the line is lost, the request is not
