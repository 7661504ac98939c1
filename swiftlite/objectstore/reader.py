"""Reading a body so that a wrong byte never leaves: check, then send, run by run.

A run is read and checked on a disk thread, which also brings it into memory, and then sent from
there by sendfile. Of a body that Swift wrote the last run goes only once its MD5 matches; a range
of it is sent as it is, as Swift would.

What is found damaged is quarantined at once, so that the next reader is sent elsewhere.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from swiftlite.formats.lent_file import LentFile
from swiftlite.host.descriptor import Descriptor
from swiftlite.host.net import DeadlinePassed, Stream
from swiftlite.objectstore.api import Damaged, translated
from swiftlite.objectstore.checks import BlockCheck, Check, plain_runs
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.quarantine import Blamed, set_aside
from swiftlite.objectstore.sound_runs import Run, SoundRuns


class Body:
    """One open body; any part of it at a time. Fits web.ranges.BodySource. Owns the descriptor."""

    def __init__(
        self,
        context: Context,
        place: HashDir,
        file_name: str,
        fd: int,
        length: int,
        check: Check,
        *,
        keep_cache: bool,
    ) -> None:
        self.context = context
        self.place = place
        self.file_name = file_name
        self.length = length
        self.check = check
        self.drops_cache = not keep_cache or length > context.settings.keep_cache_size
        self._file = Descriptor(context.host, fd, place.device)
        disk, buffers = context.host.disk, context.buffers
        self.runs = SoundRuns(disk, self._file, check, buffers, self._refused)

    @property
    def fd(self) -> int:
        return self._file.fd

    def prepare(self, start: int, stop: int) -> None:
        """Check the first run of what will be asked for, before anybody promises it. Raises
        Damaged, with the object quarantined; and the other StoreErrors."""
        self.runs.prepare(start, stop)

    def part(self, start: int, stop: int) -> Part:
        return Part(self, start, stop)

    def to_lend(self) -> LentFile | None:
        """How a process of this host opens the same file, if it can check what it reads there."""
        if not isinstance(self.check, BlockCheck):
            return None
        facts = self.context.host.disk.fstat(self.fd)
        path = f"{self.place.path}/{self.file_name}"
        return LentFile(facts.st_dev, facts.st_ino, self.length, self.drops_cache, path)

    def close(self) -> None:
        self._file.close()

    def _refused(self, run: Run, error: OSError | DeadlinePassed | None) -> Exception:
        """The object quarantined for it, unless it is the device that fails."""
        reason = "bytes {} to {} are not those that were written".format(*run)
        if isinstance(error, OSError):
            if error.errno != errno.EIO:
                return translated(error, self.place.device)
            reason = "bytes {} to {} cannot be read: {}".format(*run, error.strerror)
        inode = self.context.host.disk.fstat(self.fd).st_ino
        set_aside(self.context, self.place, Blamed(self.file_name, inode), reason)
        return Damaged(f"{self.place.path}/{self.file_name}: {reason}")


class Part:
    """Bytes start to stop of a body, as an iterable and as a body that sends itself."""

    def __init__(self, body: Body, start: int, stop: int) -> None:
        self.body = body
        self.start = start
        self.stop = stop

    def __iter__(self) -> Iterator[bytes]:
        disk, body = self.body.context.host.disk, self.body
        for start, stop in self._checked():
            for at, end in plain_runs(start, stop):
                block = disk.pread(body.fd, end - at, at)
                if len(block) != end - at:
                    raise Damaged(f"{body.place.path}/{body.file_name} became shorter")
                yield block

    def send_to(self, stream: Stream) -> int:
        sent = 0
        for start, stop in self._checked():
            count = stream.send_file(self.body.fd, start, stop - start)
            sent += count
            if count != stop - start:
                raise Damaged(f"{self.body.place.path}/{self.body.file_name} became shorter")
        return sent

    def close(self) -> None:
        """The descriptor is the body's."""

    def _checked(self) -> Iterator[tuple[int, int]]:
        """Spans that may be sent now, in order; each ends when the next is asked for."""
        body = self.body
        period = body.context.settings.cooperative_period
        for count, (start, stop) in enumerate(body.runs.over(self.start, self.stop), start=1):
            yield max(start, self.start), min(stop, self.stop)
            if body.drops_cache:
                body.context.host.disk.drop_cache(body.fd, start, stop - start)
            if period and count % period == 0:
                body.context.host.tasks.sleep(0)


class BytesBody:
    """A small body, read and checked already."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.length = len(content)

    def prepare(self, start: int, stop: int) -> None:
        pass

    def part(self, start: int, stop: int) -> tuple[bytes]:
        return (self.content[start:stop],)

    def close(self) -> None:
        pass
