"""A body that keeps the connection alive while work goes on, and ends with its report.

Blanks go out every few seconds, which text, JSON and XML readers all skip. Work runs in a task of
its own and is stopped when the client leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from swiftlite.host.bundle import Host
from swiftlite.host.net import DeadlinePassed

XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
SEPARATOR = b"\r\n\r\n"


class Progress:
    """WSGI body: work() gives the last bytes; it must not raise."""

    def __init__(
        self, host: Host, work: Callable[[], bytes], content_type: str, every: float
    ) -> None:
        self._host = host
        self._every = every
        self._is_xml = content_type.endswith("/xml")
        self._task = host.tasks.spawn(work)

    def __iter__(self) -> Iterator[bytes]:
        waited = False
        while True:
            try:
                report = self._task.wait(self._host.clock.monotonic() + self._every)
                break
            except DeadlinePassed:
                yield b" " if waited or not self._is_xml else XML_DECLARATION
                waited = True
        if waited:
            report = SEPARATOR + report
        elif self._is_xml:
            report = XML_DECLARATION + report
        yield report

    def close(self) -> None:
        if not self._task.done:
            self._task.kill()
