"""The commands by which this node's servers and daemons are started, stopped and made to read their
confs again: systemd's, or swiftlite-init's where that looks after them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from swiftlite.service.servers import MAIN, PREFIX, SWIFT_DIR

_PLAIN = re.compile(r"[\w@%+=:,./ -]+")
_SPECIAL = re.compile(r'["$`!]|\\(?=["$`\\\n]|$)')  # between double quotes


@dataclass(frozen=True, slots=True)
class Services:
    by_systemd: bool = True
    swift_dir: str = SWIFT_DIR

    def start(self, *names: str, conf: Path | None = None) -> str:
        return self._tell("start", names, conf)

    def stop(self, *names: str, conf: Path | None = None) -> str:
        return self._tell("stop", names, conf)

    def restart(self, *names: str, conf: Path | None = None) -> str:
        """Also of those that hang."""
        command = self._tell("restart", names, conf)
        return command if self.by_systemd else f"{command} --kill-after-timeout"

    def renew(self, *names: str, conf: Path | None = None) -> str:
        """Their conf counts from now on; no request is lost over that. Started if they are not."""
        if self.by_systemd:
            return self._tell("reload-or-restart", names, conf)
        acts = {name: "reload-seamless" if name in MAIN else "restart" for name in names}
        return " && ".join(self._tell(act, (name,), conf) for name, act in acts.items())

    def unit(self, name: str, conf: Path | None = None) -> str:
        """/etc/swift/object-server/1.conf is that of swiftlite-object-server@1."""
        number = self._number(conf)
        return f"{PREFIX}{name}" + (f"@{number}" if number else "")

    def _tell(self, act: str, names: Iterable[str], conf: Path | None) -> str:
        if self.by_systemd:
            return f"systemctl {act} {' '.join(self.unit(name, conf) for name in names)}"
        number = self._number(conf)
        words = " ".join(f"{name}.{number}" if number else name for name in names)
        where = "" if self.swift_dir == SWIFT_DIR else f" --swift-dir {self.swift_dir}"
        return f"swiftlite-init {words} {act}{where}"

    def _number(self, conf: Path | None) -> str:
        alone = conf is None or str(conf.parent) == self.swift_dir
        return "" if alone or conf is None else conf.name.partition(".conf")[0]


def on(ip: str, command: str) -> str:
    """The same command on another node."""
    if _PLAIN.fullmatch(command):
        return f"ssh {ip} {command}"
    quoted = shlex.quote(command) if _SPECIAL.search(command) else f'"{command}"'
    return f"ssh {ip} {quoted}"


def fetch(ip: str, path: str) -> str:
    """rsync, as it replaces a file in one step and keeps its owner; whatever size and time say."""
    return f"rsync -aI {ip}:{path} {path}"


def send(ips: Iterable[str], path: str) -> str:
    nodes = list(ips)
    if len(nodes) == 1:
        return f"rsync -aI {path} {nodes[0]}:{path}"
    return f"for node in {' '.join(nodes)}; do rsync -aI {path} $node:{path}; done"
