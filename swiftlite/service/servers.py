"""The servers and daemons of a node by name, and where their confs and pid files are.

Names, conf places and pid file names are OpenStack Swift's, so that its operators, their scripts
and their habits find what they expect.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from swiftlite.config.load import ConfError, read_conf

RUN_DIR = "/var/run/swift"
SWIFT_DIR = "/etc/swift"
PREFIX = "swiftlite-"

MAIN = ("proxy-server", "account-server", "container-server", "object-server")
REST = (
    "account-auditor",
    "account-reaper",
    "account-replicator",
    "container-auditor",
    "container-reconciler",
    "container-replicator",
    "container-sharder",
    "container-sync",
    "container-updater",
    "object-auditor",
    "object-expirer",
    "object-reconstructor",
    "object-replicator",
    "object-updater",
)
GROUPS = {"all": (*MAIN, *REST), "main": MAIN, "rest": REST}
_OWN_CONF = ("container-reconciler",)  # does not read container-server.conf


@dataclass(frozen=True, slots=True)
class Place:
    """A server as an operator names it. conf: only the conf of this name ("1" in object.1)."""

    name: str
    conf: str | None = None

    @property
    def command(self) -> str:
        return PREFIX + self.name

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]

    @property
    def conf_stem(self) -> str:
        return self.name if self.name in _OWN_CONF else f"{self.kind}-server"

    @property
    def is_main(self) -> bool:
        return self.name in MAIN

    def conf_files(self, swift_dir: str) -> list[Path]:
        """Files and conf.d directories, in order."""
        if self.name != "object-expirer":
            return self._found(swift_dir, self.conf_stem)
        of_server = self._found(swift_dir, "object-server")
        sections = [path for path in of_server if _has_section(path, "object-expirer")]
        return sections or self._found(swift_dir, "object-expirer")

    def pid_file(self, conf: Path, swift_dir: str, run_dir: str) -> Path:
        """/etc/swift/object-server/1.conf -> /var/run/swift/object-replicator/1.pid"""
        inside = str(conf.relative_to(swift_dir)).replace(f"{self.kind}-server", self.name, 1)
        return Path(run_dir, inside.replace(".conf", ".pid", 1))

    def pid_files(self, run_dir: str) -> list[Path]:
        """Every pid file that is this server's, also of confs that have gone."""
        found = sorted(_walk(Path(run_dir), self.name, ".pid"))
        if self.conf is None:
            return found
        return [path for path in found if path.name in (f"{self.conf}.pid", f"{self.conf}.pid.d")]

    def conf_of(self, pid_file: Path, swift_dir: str, run_dir: str) -> Path:
        """The conf that a pid file stands for; it may have gone."""
        for conf in self.conf_files(swift_dir):
            if self.pid_file(conf, swift_dir, run_dir) == pid_file:
                return conf
        inside = str(pid_file.relative_to(run_dir)).replace(self.name, self.conf_stem, 1)
        return Path(swift_dir, inside.replace(".pid", ".conf", 1))

    def _found(self, swift_dir: str, stem: str) -> list[Path]:
        found = sorted(_walk(Path(swift_dir), stem, ".conf"))
        if self.conf is None:
            return found
        return [path for path in found if path.name in (f"{self.conf}.conf", f"{self.conf}.conf.d")]


def places(words: list[str]) -> list[Place]:
    """What an operator's words mean: groups, patterns, `object`, `object-server`, `object.1`."""
    found: dict[Place, None] = {}
    for word in words:
        lowered = word.lower()
        if lowered in GROUPS:
            found.update(dict.fromkeys(map(Place, GROUPS[lowered])))
        elif "*" in lowered:
            names = [name for name in GROUPS["all"] if fnmatch(name, lowered)]
            found.update(dict.fromkeys(map(Place, names)))
        else:
            name, dot, conf = lowered.partition(".")
            name = name if "-" in name else f"{name}-server"
            found[Place(name, conf if dot else None)] = None
    return list(found)


def names_many(words: list[str]) -> bool:
    """Whether a word stands for a group, some of whose servers a node may well not have."""
    return any(word.lower() in GROUPS or "*" in word for word in words)


def _walk(root: Path, stem: str, ending: str) -> Iterator[Path]:
    """root/stem*: files and `.d` directories with this ending; those in any other directory."""
    try:
        tops = [entry for entry in root.iterdir() if entry.name.startswith(stem)]
    except OSError:
        return
    for top in tops:
        if top.name.endswith((ending, f"{ending}.d")):
            yield top
        elif top.is_dir():
            yield from _inside(top, ending)


def _inside(folder: Path, ending: str) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        for name in list(folders):
            if name.endswith(f"{ending}.d"):
                folders.remove(name)
                yield Path(place, name)
        yield from (Path(place, name) for name in files if name.endswith(ending))


def _has_section(conf: Path, section: str) -> bool:
    try:
        return section in read_conf(str(conf)).sections
    except ConfError:
        return False
