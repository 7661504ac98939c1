"""Small fakes for filters: a clock that is set, counted randomness, a log that is a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import shake_128
from typing import Any

from swiftlite.vocab.status import status_line
from swiftlite.web.wsgi import Environ, StartResponse


class SetClock:
    def __init__(self, seconds: float = 1_700_000_000.0) -> None:
        self.seconds = seconds

    def wall(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


class CountedEntropy:
    """Every draw differs from the one before, and every test draws the same."""

    def __init__(self) -> None:
        self.drawn = 0

    def bytes(self, n: int) -> bytes:
        self.drawn += 1
        return shake_128(b"%d" % self.drawn).digest(n)

    def hex(self, n: int) -> str:
        return self.bytes(n).hex()

    def random(self) -> float:
        return 0.5

    def shuffle(self, items: Any) -> None:  # noqa: ANN401  # host.entropy's signature
        pass

    def uuid_hex(self) -> str:
        return self.hex(16)


class ListLog:
    """Takes the place of observe.log.Log; lines are (level, message)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.raw: list[str] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        if level not in ("debug", "info", "notice", "warning", "error", "exception", "critical"):
            raise AttributeError(level)
        return lambda message, **_fields: self.lines.append((level, message))

    def bind(self, _trans_id: str) -> ListLog:
        return self

    def text(self) -> str:
        return "\n".join(message for _level, message in self.lines)


class ListSink:
    """An observe.log.Sink that keeps lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, level: int, line: str) -> None:
        self.lines.append(line)


class Canned:
    """An app that gives one answer and remembers every environ it saw (a copy)."""

    def __init__(
        self,
        status: int = 200,
        headers: Iterable[tuple[str, str]] = (),
        body: Iterable[bytes] = (b"",),
        then: Callable[[Environ], None] = lambda environ: None,
    ) -> None:
        self.status = status
        self.headers = list(headers)
        self.body = body
        self.then = then
        self.seen: list[Environ] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.seen.append(environ.copy())
        self.then(environ)
        start_response(status_line(self.status), list(self.headers))
        return self.body

    @property
    def last(self) -> Environ:
        return self.seen[-1]


class FakeStream:
    """The part of host.net.Stream that a body sends itself to."""

    def __init__(self, room: int | None = None) -> None:
        self.sent = b""
        self.room = room

    def send_all(self, data: bytes | memoryview, more: bool = False) -> None:
        self.sent += bytes(data)
        if self.room is not None and len(self.sent) > self.room:
            raise ConnectionResetError("the client left")


class SendingBody:
    """A body that sends itself, and says how it was used."""

    def __init__(self, blocks: list[bytes]) -> None:
        self.blocks = blocks
        self.closed = 0
        self.used = ""

    def __iter__(self) -> Iterator[bytes]:
        self.used = "iterated"
        return iter(self.blocks)

    def send_to(self, stream: FakeStream) -> int:
        self.used = "sent"
        for block in self.blocks:
            stream.send_all(block)
        return sum(map(len, self.blocks))

    def close(self) -> None:
        self.closed += 1
