"""What is done about what an auditor has met, on one device in one pass.

What is damaged goes to the quarantine with its suffix marked, so that replication brings a good
copy. A disk that refuses to read one object after the other is left alone instead: it would only
empty itself into its quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swiftlite.obj.auditor.tally import Tally
from swiftlite.obj.auditor.watchers import Watched, Wish
from swiftlite.objectstore.api import DeviceUnavailable, StoreError
from swiftlite.objectstore.audit_walk import Stranger, Unlistable
from swiftlite.objectstore.examine import Finding, Verdict
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.manager import Manager
from swiftlite.objectstore.publish import remove
from swiftlite.objectstore.quarantine import Blamed, discard, quarantine_stranger, set_aside
from swiftlite.observe.log import Log

Seen = Finding | Stranger | Unlistable

_HOPELESS = 5
"""Refusals in a row after which it is the disk, not the objects."""


class Judge:
    """watchers: who is asked about sound objects. reclaims: mark the suffixes of tombstones past
    reclaim age, so that the hash pass drops them. tempfile_timeout: seconds."""

    def __init__(
        self,
        manager: Manager,
        log: Log,
        watchers: Sequence[Watched],
        tempfile_timeout: float,
        *,
        reclaims: bool,
    ) -> None:
        self._manager = manager
        self._context = manager.context
        self._host = manager.context.host
        self._log = log
        self._watchers = watchers
        self._tempfile_timeout = tempfile_timeout
        self._reclaims = reclaims
        self._refused = 0

    def begin_device(self) -> None:
        self._refused = 0

    def judge(self, seen: Seen, tally: Tally) -> None:
        """Raises DeviceUnavailable when there is no point in going on with the device."""
        try:
            if isinstance(seen, Finding):
                self._finding(seen, tally)
            elif isinstance(seen, Stranger):
                self._stranger(seen, tally)
            else:
                self._failed(tally, f"Cannot list {seen.path}: {seen.error}")
        except DeviceUnavailable:
            raise
        except StoreError as error:  # a full disk, a lock held: the next pass is here again
            self._failed(tally, f"Audit: {error}")

    def _failed(self, tally: Tally, message: str) -> None:
        tally.failed()
        self._context.count("errors")
        self._log.error(message)

    def _finding(self, found: Finding, tally: Tally) -> None:
        self._count_refusals(found)
        if found.verdict is Verdict.DAMAGED:
            self._set_aside(found.place, found.blamed, found.reason, tally)
            return
        if found.verdict is Verdict.FAILED:
            self._failed(tally, f"Cannot audit {found.place.path}: {found.reason}")
            return
        if found.verdict is Verdict.SOUND:
            self._sound(found, tally)
        elif found.tombstone is not None and self._reclaims:
            self._reclaim(found)
        if found.temporaries:
            self._offload(found.place, self._remove_old, found)

    def _sound(self, found: Finding, tally: Tally) -> None:
        assert found.metadata is not None
        tally.sized(found.size)
        if found.mended:
            self._log.warning(
                f"{found.place.path}/{found.data}: its block checksums were damaged, its body was "
                "not; they have been written anew"
            )
        for watcher in self._watchers:
            wish = watcher.see_object(found.metadata, f"{found.place.path}/{found.data}")
            if wish is Wish.QUARANTINE:
                reason = f"asked for by {watcher.name}"
                self._set_aside(found.place, Blamed(found.data), reason, tally)
                return
            if wish is Wish.DELETE:
                if self._offload(found.place, self._discard, found):
                    self._log.info(f"Deleted {found.place.path}: asked for by {watcher.name}")
                return

    def _set_aside(self, place: HashDir, blamed: Blamed | None, reason: str, tally: Tally) -> None:
        if set_aside(self._context, place, blamed, reason):
            tally.quarantined()

    def _stranger(self, stranger: Stranger, tally: Tally) -> None:
        place = stranger.beside
        settings = self._context.settings
        aside = self._offload(
            place, quarantine_stranger, self._host.disk, self._host.entropy, place,
            settings.lock_timeout, stranger.name,
        )  # fmt: skip
        if aside is not None:
            tally.quarantined()
            self._log.error(f"Quarantined {stranger.name} of {place.suffix_path} to {aside}: "
                            "a file where a hash dir should be")  # fmt: skip

    def _reclaim(self, found: Finding) -> None:
        assert found.tombstone is not None
        age = self._host.clock.wall() - found.tombstone.seconds
        if age > self._context.settings.reclaim_age:
            place = found.place
            self._manager.mark_suffixes(
                place.device, place.partition, place.policy_index, [place.suffix]
            )

    def _count_refusals(self, found: Finding) -> None:
        self._refused = self._refused + 1 if found.unreadable else 0
        if self._refused >= _HOPELESS:
            raise DeviceUnavailable(
                found.place.device,
                f"refuses to read one object after the other, lately {found.place.path}",
            )

    def _offload(self, place: HashDir, fn: Callable[..., object], *args: object) -> object:
        return self._context.offload(place.device, fn, *args)

    # On the device's thread.

    def _discard(self, found: Finding) -> bool:
        timeout = self._context.settings.lock_timeout
        return discard(self._host.disk, found.place, timeout, found.data)

    def _remove_old(self, found: Finding) -> None:
        disk = self._host.disk
        before = self._host.clock.wall() - self._tempfile_timeout
        for name in found.temporaries:
            path = f"{found.place.path}/{name}"
            try:
                if disk.lstat(path).st_mtime < before:
                    remove(disk, path)
            except FileNotFoundError:
                pass  # it has got its name meanwhile
