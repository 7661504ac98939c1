"""A node's file that is read and sent from here, each run of it checked before it goes."""

from __future__ import annotations

import os
from collections.abc import Iterator

from swiftlite.formats.block_checksums import BlocksUnreadable
from swiftlite.host.descriptor import Descriptor
from swiftlite.host.net import DeadlinePassed, Stream
from swiftlite.objectstore.attributes import read_blocks
from swiftlite.objectstore.checks import BlockCheck
from swiftlite.objectstore.sound_runs import Run, SoundRuns
from swiftlite.peers.errors import PeerBroke, PeerFault, PeerTimeout
from swiftlite.proxy.context import Context
from swiftlite.proxy.nodes import Node
from swiftlite.proxy.obj.borrowing import NotTheFile


class LentDownload:
    """Owned by one request; close() it. length: of the part that was asked for."""

    def __init__(
        self, context: Context, node: Node, told: str, start: int, stop: int | None
    ) -> None:
        """Opens it and checks the first run. Raises NotTheFile; PeerBroke and PeerTimeout for one
        that is damaged, or on a disk that does not answer. stop: None for the end."""
        self._context = context
        self._disk = context.host.disk
        device = node.device
        self._address = device.address
        fd, lent = context.borrowing.open(told, os.O_RDONLY, device.ip)
        self._file = Descriptor(context.host, fd, f"{device.ip}:{device.port}/{device.device}")
        self._drops_cache = lent.drops_cache
        self._start = start
        self._stop = lent.length if stop is None else stop
        self.length = self._stop - start
        try:
            self._runs = self._sound_runs(self._check_of(fd, lent.length))
            self._ready = next(self._runs, None)
        except BaseException:
            self.close()
            raise

    def send_some(self, stream: Stream) -> int:
        """Send the next bytes; 0 at the end. Raises PeerBroke, PeerTimeout."""
        run = self._next()
        if run is None:
            return 0
        at, end = run
        sent = stream.send_file(self._file.fd, at, end - at)
        if sent < end - at:
            if not sent:
                raise PeerBroke(self._address, "its file became shorter")
            self._ready = (at + sent, end)
        return sent

    def read_some(self) -> bytes:
        """The same bytes, to be looked at; b"" at the end."""
        run = self._next()
        if run is None:
            return b""
        at, end = run
        block = self._disk.pread(self._file.fd, end - at, at)
        if len(block) != end - at:
            raise PeerBroke(self._address, "its file became shorter")
        return block

    def close(self) -> None:
        self._file.close()

    def _next(self) -> tuple[int, int] | None:
        run = self._ready or next(self._runs, None)
        self._ready = None
        return run

    def _check_of(self, fd: int, length: int) -> BlockCheck:
        try:
            blocks = read_blocks(self._disk, fd, length)
        except (OSError, BlocksUnreadable):
            blocks = None
        if blocks is None:
            raise NotTheFile
        return BlockCheck(blocks)

    def _sound_runs(self, check: BlockCheck) -> Iterator[Run]:
        """Spans that may be sent now, in order; each ends when the next is asked for."""
        context = self._context
        runs = SoundRuns(
            self._disk, self._file, check, context.buffers, self._refused,
            lambda: context.monotonic() + context.read_timeout,
        )  # fmt: skip
        for at, end in runs.over(self._start, self._stop):
            yield max(at, self._start), min(end, self._stop)
            if self._drops_cache:
                self._disk.drop_cache(self._file.fd, at, end - at)

    def _refused(self, run: Run, error: OSError | DeadlinePassed | None) -> PeerFault:
        if error is None:
            what = "bytes {} to {} are not those that were written".format(*run)
            return PeerBroke(self._address, what)
        if isinstance(error, OSError):
            return PeerBroke(self._address, f"its disk: {error.strerror}")
        return PeerTimeout(self._address, "its disk does not answer")
