"""A response body read as a request body: what one subrequest answers is what another sends.

A source that ends early, or breaks, raises ClientGone, so
that whoever stores the body stores nothing; `broke` tells the middleware that the client was not
to blame.
"""

from __future__ import annotations

from collections.abc import Iterable

from swiftlite.middleware.block_input import BlockInput
from swiftlite.vocab.errors import ClientGone
from swiftlite.web.response import close_body


class BodyReader(BlockInput):
    """wsgi.input over an iterable of bytes of a known length; closes it at its end."""

    def __init__(self, body: Iterable[bytes], length: int) -> None:
        self.broke: Exception | None = None
        self._body = body
        self._blocks = iter(body)
        self._left = length
        self._block = memoryview(b"")

    def close(self) -> None:
        close_body(self._body)

    def next_block(self, n: int) -> memoryview:
        if not self._left or not n:
            return memoryview(b"")
        while not self._block:
            try:
                self._block = memoryview(next(self._blocks))
            except StopIteration:
                self._fail(EOFError(f"{self._left} bytes are missing"))
            except Exception as error:
                # Whatever the source's fault is, it ends this body and is told by `broke`.
                self._fail(error)
        taken = self._block[: min(n, self._left)]
        self._block = self._block[len(taken) :]
        self._left -= len(taken)
        return taken

    def _fail(self, error: Exception) -> None:
        self.broke = error
        raise ClientGone(f"the source of this body broke: {error}") from error
