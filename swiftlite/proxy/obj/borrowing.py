"""Files that object servers of this host lend: opened here, if they are what was told.

See doc/formats/lent-file.md. What does not open is no fault of the node's: the request is made
again without the offer, and no further one is made by this process.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from swiftlite.cluster.local_devices import is_own_address
from swiftlite.formats.lent_file import LentFile, parse_lent
from swiftlite.host.bundle import Host
from swiftlite.observe.log import Log
from swiftlite.proxy.plan import Header
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_LEND


class NotTheFile(Exception):
    """What is at the path is something else by now, or nothing that we may open."""


class Borrowing:
    """Whether this process borrows, one for all requests."""

    def __init__(
        self, host: Host, log: Log, *, wanted: bool, is_own: Callable[[str], bool] = is_own_address
    ) -> None:
        self._host = host
        self._log = log
        self._wanted = wanted
        self._is_own = is_own
        self._known: dict[str, bool] = {}

    @property
    def offered(self) -> list[Header]:
        """For the headers of requests; empty if nothing is to be lent."""
        place = self._host.process.place if self._wanted else ""
        return [(X_BACKEND_SWIFTLITE_LEND, place)] if place else []

    @property
    def offer(self) -> bytes:
        """The same as a line of a head."""
        return "".join(f"{name}: {value}\r\n" for name, value in self.offered).encode()

    def open(self, told: str, flags: int, lender: str) -> tuple[int, LentFile]:
        """A descriptor that the caller closes. Raises NotTheFile.

        lender: the IP that said so. Another host has no say in which of our files are opened.
        """
        if not self._is_here(lender):
            raise NotTheFile
        disk = self._host.disk
        try:
            lent = parse_lent(told)
            fd = disk.open(lent.path, flags)
        except (OSError, ValueError) as error:
            if not isinstance(error, FileNotFoundError):  # replaced meanwhile: nothing wrong
                self._wanted = False
                self._log.warning(f"files are not borrowed any more: {error}")
            raise NotTheFile from error
        try:
            facts = disk.fstat(fd)
        except OSError as error:
            disk.close(fd)
            raise NotTheFile from error
        writing = flags & os.O_ACCMODE != os.O_RDONLY
        if (facts.st_dev, facts.st_ino) == (lent.device, lent.inode) and (
            writing or facts.st_size == lent.length
        ):
            return fd, lent
        disk.close(fd)
        raise NotTheFile

    def _is_here(self, ip: str) -> bool:
        known = self._known.get(ip)
        if known is None:
            known = self._known[ip] = self._is_own(ip)
        return known
