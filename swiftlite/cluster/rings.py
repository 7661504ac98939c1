"""The rings of this cluster, each loaded when it is first asked for and watched from then on."""

from __future__ import annotations

import os
from typing import Protocol

from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import ConfError
from swiftlite.ring import Ring, RingFileError, RingWatcher


class Clock(Protocol):
    def monotonic(self) -> float: ...


class Lines(Protocol):
    """The part of a log that is told about rings that change or cannot be used."""

    def info(self, message: str, /) -> None: ...
    def error(self, message: str, /) -> None: ...


class Rings:
    """account, container and object(policy index) give watchers: `.current()` is the ring now.

    A request takes `current()` once and keeps that ring to its end.
    interval: seconds between looks at a ring's file.
    """

    def __init__(
        self, conf: ClusterConf, clock: Clock, *, interval: float = 15.0, log: Lines | None = None
    ) -> None:
        self._conf = conf
        self._clock = clock
        self._interval = interval
        self._log = log
        self._watchers: dict[str, RingWatcher] = {}

    @property
    def account(self) -> RingWatcher:
        return self._watchers.get("account") or self._load("account")

    @property
    def container(self) -> RingWatcher:
        return self._watchers.get("container") or self._load("container")

    def object(self, policy_index: int) -> RingWatcher:
        """Raises KeyError for an index that is no policy's, ConfError for a missing ring."""
        name = "object" if policy_index == 0 else f"object-{policy_index}"
        watcher = self._watchers.get(name)
        if watcher is None:
            if self._conf.policies.get(policy_index) is None:
                raise KeyError(policy_index)
            watcher = self._load(name)
        return watcher

    def _load(self, name: str) -> RingWatcher:
        path = os.path.join(self._conf.swift_dir, f"{name}.ring.gz")
        try:
            watcher = RingWatcher(
                path,
                self._conf.hash_path,
                self._clock,
                self._interval,
                on_change=lambda ring: self._tell_change(path, ring),
                on_fault=lambda sentence: self._tell_fault(path, sentence),
            )
        except RingFileError as error:
            raise ConfError(f"The ring {path} cannot be used: {error}") from error
        self._watchers[name] = watcher
        return watcher

    def _tell_change(self, path: str, ring: Ring) -> None:
        if self._log is not None:
            self._log.info(f"a new ring is in force: {path}, {ring!r}")

    def _tell_fault(self, path: str, sentence: str) -> None:
        if self._log is not None:
            self._log.error(f"{path}: {sentence}")
