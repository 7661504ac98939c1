"""A database file that a peer sends in the body of a request, on its way to the device."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from swiftlite.dbstore.device import device_error
from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.temporary import temporary_path
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request

T = TypeVar("T")
_BLOCK_BYTES = 1 << 20


class FileBody(Generic[Row]):
    """A context manager: whatever is still there at the end is removed."""

    def __init__(self, engine: Engine[Row], place: Place) -> None:
        self._engine = engine
        self._place = place
        token = engine.entropy.uuid_hex()
        self.path = temporary_path(engine.disk, place.device_path, token)
        self._fd = -1

    def __enter__(self) -> FileBody[Row]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._fd = self._offload(self._engine.disk.open, self.path, flags, 0o600)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        with suppress(FileNotFoundError):
            self._engine.offload(self._place, self._engine.disk.unlink, self.path)

    def receive(self, request: Request) -> None:
        """Write the whole body. Refusal 400 when it ends early; raises DeviceFull."""
        length = request.body_length
        if not length:
            raise Refusal(400, "A database file is never empty.")
        view = memoryview(bytearray(min(_BLOCK_BYTES, length)))
        reader, left = request.body_reader, length
        while left:
            filled = 0
            while filled < min(len(view), left):
                count = reader.readinto(view[filled : min(len(view), left)])
                if not count:
                    raise Refusal(400, f"{left - filled} bytes of the file are missing.")
                filled += count
            self._offload(self._engine.disk.write, self._fd, view[:filled])
            left -= filled
        self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._engine.disk.close(fd)

    def _offload(self, work: Callable[..., T], *args: object) -> T:
        try:
            return self._engine.offload(self._place, work, *args)
        except OSError as error:
            raise device_error(self.path, error) from error
