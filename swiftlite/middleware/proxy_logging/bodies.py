"""Bodies that are counted on their way, in and out, and tell when they are done.

A body that sends itself still does. One that is a ready list is counted without a wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from swiftlite.host.net import PeerGone
from swiftlite.vocab.errors import ClientFault
from swiftlite.web.response import close_body

WENT_WELL, CLIENT_LEFT, BROKE = 0, 499, 500

Done = Callable[[int, int, float], None]
"""Called once: outcome (one of the three above), bytes sent, monotonic time of the first."""


class CountedBody:
    """A WSGI body; `done` is called when it has ended, or was given up."""

    def __init__(self, body: Iterable[bytes], done: Done, monotonic: Callable[[], float]) -> None:
        self._body = body
        self._done: Done | None = done
        self._monotonic = monotonic
        self._sent = 0
        self._first = 0.0

    def __iter__(self) -> Iterator[bytes]:
        try:
            for block in self._body:
                if not self._sent:
                    self._first = self._monotonic()
                self._sent += len(block)
                yield block
        except GeneratorExit:
            self._finish(CLIENT_LEFT)
            raise
        except Exception as error:
            self._finish(_blame(error))
            raise
        self._finish(WENT_WELL)

    def close(self) -> None:
        try:
            close_body(self._body)
        finally:
            self._finish(CLIENT_LEFT)

    def _finish(self, outcome: int) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(outcome, self._sent, self._first)


class CountedSender(CountedBody):
    """The same for a body that sends itself (host.net.SelfSending)."""

    def send_to(self, stream: Any) -> int:  # noqa: ANN401  # a host.net.Stream
        self._first = self._monotonic()
        try:
            self._sent = self._body.send_to(stream)  # type: ignore[attr-defined]  # it has one
        except Exception as error:
            self._finish(_blame(error))
            raise
        self._finish(WENT_WELL)
        return self._sent


def _blame(error: Exception) -> int:
    return CLIENT_LEFT if isinstance(error, (PeerGone, ClientFault)) else BROKE


class CountedInput:
    """wsgi.input that counts what is read; only for bodies that cannot tell it themselves."""

    def __init__(self, source: Any) -> None:  # noqa: ANN401  # any server's wsgi.input
        self._source = source
        self.count = 0

    def read(self, *size: int) -> bytes:
        block: bytes = self._source.read(*size)
        self.count += len(block)
        return block

    def readinto(self, view: memoryview) -> int:
        count: int = self._source.readinto(view)
        self.count += count
        return count

    def readline(self, *size: int) -> bytes:
        line: bytes = self._source.readline(*size)
        self.count += len(line)
        return line

    def readlines(self, *hint: int) -> list[bytes]:
        lines: list[bytes] = self._source.readlines(*hint)
        self.count += sum(map(len, lines))
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the source has beside
        return getattr(self._source, name)


def counter_of(environ: dict[str, Any]) -> Callable[[], int]:
    """What tells, at the end, how much of the request's body was read.

    Our own server's body knows what is left of an announced length; any other is wrapped.
    """
    length = environ.get("CONTENT_LENGTH")
    source = environ.get("wsgi.input")
    if not length and "HTTP_TRANSFER_ENCODING" not in environ:
        return _nothing
    if length == "0" or source is None:
        return _nothing
    left = getattr(source, "left", None)
    if isinstance(left, int) and left >= 0 and length and length.isdigit():
        whole = int(length)
        return lambda: whole - source.left
    counted = environ["wsgi.input"] = CountedInput(source)
    return lambda: counted.count


def _nothing() -> int:
    return 0
