"""A machine of its own: Debian booted with its systemd by systemd-nspawn, in a network namespace.

Its root is an overlay over trees that are shared, so a machine costs what it writes. A network
namespace with its cable, control groups and disks belong to it and go when it goes. Needs root.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

# systemd's own, in every version of control groups.
_HIERARCHIES = [
    path
    for path in map(Path, ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"))
    if (path / "cgroup.procs").exists()
]
_BOOTED = ("running", "degraded")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOOK_S = 0.2
_REBOOT = 133  # how systemd-nspawn ends when the machine was told to reboot


class Machine:
    """name: its host name; within: the data centre's own name; folder: for what it writes."""

    def __init__(self, name: str, within: str, folder: Path, layers: Sequence[Path]) -> None:
        self.name = name
        self.namespace = f"{within}-{name}"
        self.root = folder / "root"
        self._folder = folder
        self._layers = layers
        self._container: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Root and network namespace; nothing runs yet."""
        for name in ("root", "upper", "work"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        lower = ":".join(map(str, self._layers))
        told = f"lowerdir={lower},upperdir={self._folder}/upper,workdir={self._folder}/work"
        run("mount", "-t", "overlay", self.namespace, "-o", told, str(self.root))
        run("ip", "netns", "add", self.namespace)
        run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        (self.root / "etc/hostname").write_text(f"{self.name}\n")

    def power_on(self, timeout_s: float = 120.0) -> None:
        """Boot; returns when systemd has started what it starts."""
        groups = [path / self.namespace for path in _HIERARCHIES]
        for group in groups:
            group.mkdir(exist_ok=True)
        enter = "".join(f"echo $$ >{group}/cgroup.procs; " for group in groups)
        boot = shlex.join(
            [
                *("setpriv", "--pdeathsig", "TERM"),  # nothing outlives whoever made it
                *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"),
                *("--directory", str(self.root), "--machine", self.name, "--console=pipe"),
                *("--network-namespace-path", f"/run/netns/{self.namespace}"),
                *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
            ]
        )
        with (self._folder / "console.log").open("ab") as log:
            self._container = subprocess.Popen(
                ["sh", "-c", f"{enter}exec {boot}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_booted(timeout_s)

    def _wait_until_booted(self, timeout_s: float) -> None:
        assert self._container is not None
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._container.poll() is not None:
                raise RuntimeError(f"{self.name} did not boot: {self.console()}")
            if self.is_up() and self.run("systemctl is-system-running").stdout.strip() in _BOOTED:
                return
            time.sleep(_LOOK_S)
        raise RuntimeError(f"{self.name} does not end booting: {self.console()}")

    def power_on_again(self, timeout_s: float = 120.0) -> None:
        """After it was told to reboot: once it is down, up again."""
        assert self._container is not None
        status = self._container.wait(timeout=timeout_s)
        if status != _REBOOT:
            raise RuntimeError(f"{self.name} ended with {status} instead of rebooting")
        self.power_on(timeout_s)

    def is_up(self) -> bool:
        return self._init() is not None

    def console(self) -> str:
        return (self._folder / "console.log").read_text(errors="replace")[-2000:]

    def power_off(self) -> None:
        """The orderly way, or else the plug."""
        if self._container is None:
            return
        self._container.send_signal(signal.SIGTERM)
        try:
            self._container.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.pull_the_plug()
        self._container = None

    def pull_the_plug(self) -> None:
        """Every process is gone at once."""
        if self._container is None:
            return
        if (init := self._init()) is not None:
            os.kill(init, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._container.wait(timeout=10)
        self._container.kill()
        self._container.wait()
        self._container = None

    def remove(self) -> None:
        """Power off, and leave nothing but its files."""
        self.power_off()
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True)
        subprocess.run(["umount", "-l", str(self.root)], capture_output=True)
        for hierarchy in _HIERARCHIES:
            _remove_groups(hierarchy / self.namespace)

    def run(self, script: str, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
        """A script of root's, in bash; output and errors in one."""
        init = self._init()
        if init is None:
            raise RuntimeError(f"{self.name} is off")
        environ = [f"PATH={_PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb"]
        return subprocess.run(
            [
                *("nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p", "-r", "-w"),
                *("env", "-i", *environ, "bash", "-c", script),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def check(self, script: str, timeout_s: float = 300.0) -> str:
        """Its output; AssertionError with all that it said if it fails."""
        done = self.run(script, timeout_s)
        if done.returncode:
            said = f"{self.name}: {script!r} ended with {done.returncode}:\n{done.stdout}"
            raise AssertionError(said)
        return done.stdout

    def add_device(self, name: str, device: Path) -> None:
        """The host's block device under a name of its own in /dev, until it is off."""
        number = device.stat().st_rdev
        init = self._init()
        assert init is not None
        run(
            *("nsenter", "-t", str(init), "-m", "-r"),
            *("mknod", f"/dev/{name}", "b", str(os.major(number)), str(os.minor(number))),
        )

    def remove_device(self, name: str) -> None:
        self.check(f"rm -f /dev/{name}")

    def _init(self) -> int | None:
        """Its first process, seen from outside."""
        if self._container is None:
            return None
        pid = self._container.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return None
        return int(children[0]) if children else None


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _remove_groups(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
