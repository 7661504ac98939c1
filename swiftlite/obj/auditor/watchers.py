"""Watchers: code of others that is shown every object an auditor finds sound.

A watcher is an entry point of the group `swiftlite.audit_watcher`: something that makes one from
a WatcherContext. It is given values, and answers with what should happen to the object; it never
touches files itself. One that raises does not keep the auditor from its work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from swiftlite.cluster.rings import Rings
from swiftlite.config.load import ConfError, nearest
from swiftlite.host.bundle import Host
from swiftlite.observe.log import Log
from swiftlite.service.passes import DaemonContext

GROUP = "swiftlite.audit_watcher"


class Wish(Enum):
    """What a watcher wants to happen."""

    KEEP = "keep"
    QUARANTINE = "quarantine"
    DELETE = "delete"


class Watcher(Protocol):
    def start(self, audit_type: str) -> None:
        """A pass begins; ALL, or ZBF when only metadata is looked at."""
        ...

    def see_object(self, object_metadata: Mapping[str, str], data_file_path: str) -> Wish | None:
        """None: it may stay. The mapping is the object's, a POST's changes included."""
        ...

    def end(self) -> None:
        """The pass is over."""
        ...


@dataclass(frozen=True, slots=True)
class WatcherContext:
    """What a watcher is made of. conf: [object-auditor] under the watcher's own section."""

    name: str
    conf: Mapping[str, str]
    where: str
    host: Host
    rings: Rings
    log: Log


MakeWatcher = Callable[[WatcherContext], Watcher]


class Watched:
    """A watcher with its name, kept from harm and from harming."""

    def __init__(self, name: str, watcher: Watcher, log: Log) -> None:
        self.name = name
        self._watcher = watcher
        self._log = log
        self._broken = False  # it could not begin or end a pass: what it says means nothing

    def start(self, audit_type: str) -> None:
        self._guarded("start", lambda: self._watcher.start(audit_type))

    def end(self) -> None:
        self._guarded("end", self._watcher.end)

    def see_object(self, metadata: Mapping[str, str], path: str) -> Wish:
        if self._broken:
            return Wish.KEEP
        try:
            return self._watcher.see_object(metadata, path) or Wish.KEEP
        except Exception:
            self._log.exception(f"Audit watcher {self.name} failed at {path}")
            return Wish.KEEP

    def _guarded(self, what: str, call: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            call()
        except Exception:
            self._log.exception(f"Audit watcher {self.name} failed at the {what} of a pass")
            self._broken = True


def make_watchers(context: DaemonContext, names: Sequence[str]) -> list[Watched]:
    """Raises ConfError for one that is not installed."""
    return [_made(context, name.rpartition("#")[2]) for name in names]


def _made(context: DaemonContext, name: str) -> Watched:
    from importlib.metadata import entry_points  # 3 MB that an auditor without watchers saves

    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in known:
        hint = nearest(name, list(known))
        raise ConfError(
            f"{context.where}: no audit watcher is called {name}" + (f"; {hint} is" if hint else "")
        )
    section = f"object-auditor:watcher:{name}"
    conf = {**context.conf, **context.sections.get(section, {})}
    make: MakeWatcher = known[name].load()
    watcher = make(
        WatcherContext(
            name, conf, f"{context.where} [{section}]", context.host, context.rings, context.log
        )
    )
    return Watched(name, watcher, context.log)
