"""What the machine around the servers says: mounts, fstab, systemd's units, who listens where."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

_UNIT_FOLDERS = ("etc/systemd/system", "run/systemd/system", "lib/systemd/system")
_OURS = "swiftlite"
_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Mount:
    source: str
    kind: str


@dataclass(frozen=True, slots=True)
class Listener:
    """Who has a port. unit: the service that it belongs to; '' for none."""

    pid: int
    title: str
    unit: str


class _Copy(NamedTuple):
    """A mount as some processes have it; number is its own."""

    number: str
    read_only: bool


class Machine:
    """root: where its files are."""

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)
        self.proc = self.root / "proc"
        self._copies: dict[str, dict[str, _Copy]] = {}  # by process and place

    @cached_property
    def mounts(self) -> dict[str, Mount]:
        """Of now, by their place; the uppermost where there are several."""
        return {
            place: Mount(source, kind)
            for source, place, kind, *_ in _fields(self.proc / "self/mounts")
        }

    @cached_property
    def fstab(self) -> dict[str, Mount]:
        """What is to be mounted, by its place."""
        return {
            place.rstrip("/"): Mount(source, kind)
            for source, place, kind, *_ in _fields(self.root / "etc/fstab")
        }

    def mounts_itself(self, place: str) -> bool:
        """Whether systemd does, at a start, by fstab or by a unit of that name."""
        return place in self.fstab or self._unit_file(mount_unit(place)) is not None

    def is_read_only_copy(self, pid: int, place: str) -> bool:
        """Whether a process has a copy of what is mounted there, and that one is read-only: so it
        stays, whatever becomes of ours."""
        own, other = self._mountinfo("self").get(place), self._mountinfo(str(pid)).get(place)
        return own is not None and other is not None and other != own and other.read_only

    def _mountinfo(self, process: str) -> dict[str, _Copy]:
        if process not in self._copies:
            self._copies[process] = {
                place: _Copy(number, "ro" in options.split(","))
                for number, _, _, _, place, options, *_ in _fields(
                    self.proc / process / "mountinfo", 6
                )
            }
        return self._copies[process]

    @property
    def has_systemd(self) -> bool:
        return (self.root / "run/systemd/system").is_dir()

    def has_unit(self, unit: str) -> bool:
        return self._unit_file(unit) is not None

    def is_enabled(self, unit: str) -> bool:
        """Whether a start of the machine starts it, perhaps by way of our targets."""
        return any(
            not parent.startswith(_OURS) or self.is_enabled(parent)
            for parent in self._wanting(unit)
        )

    def _wanting(self, unit: str) -> Iterator[str]:
        for folder in _UNIT_FOLDERS:
            for path in (self.root / folder).glob(f"*.wants/{unit}"):
                yield path.parent.name.removesuffix(".wants")

    def user_of_unit(self, unit: str) -> str:
        """'' where it does not say, or is not there."""
        path = self._unit_file(unit)
        with suppress(OSError, AttributeError):
            found = re.search(r"^User=(\S+)", path.read_text(), re.MULTILINE)  # type: ignore[union-attr]  # suppressed
            return found[1] if found else ""
        return ""

    def _unit_file(self, unit: str) -> Path | None:
        template = re.sub(r"@.*(?=\.)", "@", unit)
        for folder in _UNIT_FOLDERS:
            for name in (unit, template):
                path = self.root / folder / name
                if path.exists():
                    return path
        return None

    def user_of_process(self, pid: int) -> str:
        try:
            return user_name(os.stat(self.proc / str(pid)).st_uid)
        except OSError:
            return ""

    def listener(self, port: int) -> Listener | None:
        """Whoever listens at a port of this machine's; only root sees other users'."""
        sockets = {f"socket:[{inode}]" for inode in self._listening(port)}
        for folder in self.proc.glob("[0-9]*") if sockets else ():
            with suppress(OSError):
                if any(os.readlink(one) in sockets for one in (folder / "fd").iterdir()):
                    return self._listener(folder)
        return None

    def _listening(self, port: int) -> Iterator[str]:
        for name in ("tcp", "tcp6"):
            for _, local, _, state, _, _, _, _, _, inode, *_ in _fields(
                self.proc / "self/net" / name, 10
            ):
                if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                    yield inode

    def _listener(self, folder: Path) -> Listener:
        words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        services = re.findall(r"/([^/\n]+\.service)$", (folder / "cgroup").read_text(), re.M)
        return Listener(int(folder.name), " ".join(words).strip(), next(iter(services), ""))

    def may_read(self, user: str, path: Path) -> bool:
        """As far as modes tell. Nobody that is known: yes."""
        try:
            entry, found = pwd.getpwnam(user), path.stat()
            groups = os.getgrouplist(user, entry.pw_gid)
        except (KeyError, OSError):
            return True
        wanted = 0o5 if path.is_dir() else 0o4
        shift = 6 if found.st_uid == entry.pw_uid else 3 if found.st_gid in groups else 0
        return entry.pw_uid == 0 or (found.st_mode >> shift) & wanted == wanted


def mount_unit(place: str) -> str:
    """The name that systemd wants such a unit to have."""
    return place.strip("/").replace("-", r"\x2d").replace("/", "-") + ".mount"


def group_of(user: str) -> str:
    """Its first one, by name."""
    try:
        return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    except KeyError:
        return user


def uid_of(user: str) -> int | None:
    """None where the machine has no such user."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _fields(path: Path, least: int = 3) -> Iterator[list[str]]:
    """Of each line of a table; none of a table that cannot be read."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        words = [re.sub(r"\\(\d{3})", _character, word) for word in line.split()]
        if len(words) >= least and not words[0].startswith("#"):
            yield words


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 8))
