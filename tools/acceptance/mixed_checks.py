"""Requests of one client with what each must give: looked at, timed, told to the journal."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from swiftlite.host.clock import Clock
from tools.acceptance.mixed_bodies import Content, Named
from tools.acceptance.mixed_journal import Journal
from tools.acceptance.mixed_session import Reply, Session

_HASHED_BYTES = 1 << 20  # larger bodies are compared when they are read, not hashed here


@dataclass(slots=True)
class Thing:
    """What a name holds; content None: nothing. since: when that was acknowledged."""

    content: Content | None = None
    etag: str = ""
    colour: str = ""
    since: float = 0.0


@dataclass(slots=True)
class Checks:
    """began: by the clock."""

    clock: Clock
    session: Session
    journal: Journal
    chance: random.Random
    client: int
    began: float
    versions: int = 0

    def timed(self, kind: str, wanted: tuple[int, ...], ask: Callable[[], Reply]) -> Reply | None:
        """The answer if it is a good one, with its time told; otherwise what is wrong with it."""
        start = self.clock.monotonic()
        reply = ask()
        took = self.clock.monotonic() - start
        if reply.fault or reply.status not in wanted:
            said = reply.fault or f"answered {reply.status}"
            self.journal.went_wrong(
                f"{kind} {said}",
                f"client {self.client}, {took:.2f} s, after {start - self.began:.0f} s, "
                f"{reply.headers.get('X-Trans-Id')} {reply.body[:200]!r}",
            )
            return None
        self.journal.answered(kind, start - self.began, took)
        return reply

    def send(
        self,
        kind: str,
        wanted: tuple[int, ...],
        method: str,
        path: str,
        body: Content | bytes = b"",
        headers: list[tuple[str, str]] | None = None,
        query: str = "",
    ) -> Reply | None:
        return self.timed(
            kind, wanted, lambda: self.session.send(method, path, body, headers or (), query)
        )

    def put(self, kind: str, name: str, content: Named) -> Thing | None:
        """None when nobody knows what the name holds now."""
        colour = f"c{self.version()}"
        headers = [("X-Object-Meta-Colour", colour), ("Content-Type", "image/jpeg")]
        reply = self.send(kind, (201,), "PUT", name, content, headers)
        if reply is None:
            return None
        etag = reply.headers.get("ETag", "").strip('"')
        if content.size <= _HASHED_BYTES:
            self.expect(kind, name, etag, content.etag())
        return Thing(content, etag, colour, self.clock.monotonic())

    def get(self, kind: str, name: str, thing: Thing) -> None:
        content = thing.content
        if content is None:
            self.send(f"{kind} 404", (404,), "GET", name)
            return
        reply = self.timed(kind, (200,), lambda: self.session.fetch(name, content, 0, content.size))
        if reply is not None:
            self.journal.bytes_moved += content.size
            self.same(kind, name, thing, reply)

    def get_range(self, kind: str, name: str, thing: Thing, most: int) -> None:
        content = thing.content
        if content is None or not content.size:
            return
        start = self.chance.randrange(content.size)
        stop = min(content.size, start + self.chance.randrange(1, most))
        headers = [("Range", f"bytes={start}-{stop - 1}")]
        reply = self.timed(
            kind, (206,), lambda: self.session.fetch(name, content, start, stop, headers)
        )
        if reply is not None:
            said = f"bytes {start}-{stop - 1}/{content.size}"
            self.expect(kind, name, reply.headers.get("Content-Range"), said)

    def same(self, kind: str, name: str, thing: Thing, reply: Reply) -> None:
        if thing.etag:
            etag = reply.headers.get("ETag", "").strip('"')
            self.expect(kind, name, etag, thing.etag)
            colour = reply.headers.get("X-Object-Meta-Colour")
            self.expect(kind, name, colour, thing.colour)

    def expect(self, kind: str, name: str, found: str | None, wanted: str) -> None:
        if found != wanted:
            self.journal.went_wrong(f"{kind} tells a wrong header", f"{name}: {found}, {wanted}")

    def content(self, name: str, size: int) -> Named:
        return Named(name, f"{self.client}.{self.version()}", size)

    def version(self) -> int:
        self.versions += 1
        return self.versions
