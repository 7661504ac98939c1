"""Log lines: one f-string, one write, nothing else per request.

A Log has a name, a level and a sink. bind() gives a child that carries a transaction id and
shares the rest; it costs 0.3 µs, so a request may have its own. The sink decides about time
stamps and transport (sinks.py). Text from clients cannot break a line: control characters are
escaped here.
"""

from __future__ import annotations

import traceback
from typing import Protocol

DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL = 10, 20, 25, 30, 40, 50
LEVELS = {
    "DEBUG": DEBUG,
    "INFO": INFO,
    "NOTICE": NOTICE,
    "WARN": WARNING,
    "WARNING": WARNING,
    "ERROR": ERROR,
    "CRITICAL": CRITICAL,
}


class Sink(Protocol):
    """Where lines go. write never raises: a log that fails must not fail a request."""

    def write(self, level: int, line: str) -> None: ...


class Log:
    """Writes lines for one daemon, or for one request of it."""

    __slots__ = ("_tail", "level", "name", "sink", "trans_id")

    def __init__(self, name: str, *, level: int = INFO, sink: Sink, trans_id: str = "") -> None:
        self.name = name
        self.level = level
        self.sink = sink
        self.trans_id = trans_id
        self._tail = f" (txn: {trans_id})" if trans_id else ""

    def bind(self, trans_id: str) -> Log:
        """The same log for one transaction: every line ends with its id."""
        return Log(self.name, level=self.level, sink=self.sink, trans_id=trans_id)

    def debug(self, message: str, **fields: object) -> None:
        if self.level <= DEBUG:
            self._write(DEBUG, message, fields)

    def info(self, message: str, **fields: object) -> None:
        if self.level <= INFO:
            self._write(INFO, message, fields)

    def written(self, message: str) -> None:
        """An info whose writer has made sure that all of it is printable."""
        if self.level <= INFO:
            self.sink.write(INFO, f"{self.name}: {message}{self._tail}")

    def notice(self, message: str, **fields: object) -> None:
        if self.level <= NOTICE:
            self._write(NOTICE, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        if self.level <= WARNING:
            self._write(WARNING, message, fields)

    def error(self, message: str, **fields: object) -> None:
        if self.level <= ERROR:
            self._write(ERROR, message, fields)

    def exception(self, message: str, **fields: object) -> None:
        """An error with the traceback of the exception being handled, in the same line."""
        if self.level <= ERROR:
            self._write(ERROR, f"{message}: {traceback.format_exc().rstrip()}", fields)

    def critical(self, message: str, **fields: object) -> None:
        if self.level <= CRITICAL:
            self._write(CRITICAL, message, fields)

    def _write(self, level: int, message: str, fields: dict[str, object]) -> None:
        if fields:
            message += "".join(f" {key}={value}" for key, value in fields.items())
        if not message.isprintable():
            message = printable(message)
        self.sink.write(level, f"{self.name}: {message}{self._tail}")


def printable(text: str) -> str:
    """Text in one line: newlines as `#012`, as syslog daemons do, other controls escaped."""
    text = text.replace("\n", "#012")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
