"""What goes wrong in a cluster, one fault at a time, each undone after a while.

Processes are found by the pid files of the embedded cluster; its parent starts again what dies.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tools.acceptance.chaos_network import Network


def processes(root: Path, node: int | None = None) -> dict[str, int]:
    """Servers and daemons of a cluster's nodes by name, such as `object-2`; only its own children:
    the number in a file may by now be somebody else's."""
    found = {}
    parent = (root / "run" / "lock").read_text().strip()
    for file in (root / "run").glob("*.pid"):
        kind, _, number = file.stem.rpartition("-")
        if not number.isdigit() or (node is not None and int(number) != node):
            continue
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text())
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if fields[1] == parent and fields[0] != "Z":
                found[f"{kind}-{number}"] = pid
    return found


class Faults:
    """log: told of each fault. healed: whether every replica is where it belongs, asked before a
    device is wiped, for two of three copies may be lost only one after the other. network: the
    nodes' own, where they have one."""

    def __init__(
        self,
        root: Path,
        nodes: int,
        seed: int,
        log: Callable[[str], None],
        healed: Callable[[], bool],
        network: Network | None = None,
    ) -> None:
        self._root = root
        self._nodes = nodes
        self._random = random.Random(f"faults {seed}")
        self._log = log
        self._healed = healed
        self._network = network
        self._cut: set[int] = set()
        self.done: Counter[str] = Counter()
        self._undo: list[tuple[float, Callable[[], None]]] = []
        self._unmounted: set[int] = set()
        self.strays: list[str] = []

    def step(self) -> None:
        """Undo what has lasted long enough; perhaps do something new."""
        now = time.monotonic()
        due = [one for one in self._undo if one[0] <= now]
        self._undo = [one for one in self._undo if one[0] > now]
        for _, undo in due:
            undo()
        faults: list[tuple[int, Callable[[], str]]] = [
            (5, self._kill_process), (4, self._stop_process), (2, self._kill_node),
            (2, self._stop_node), (2, self._unmount), (5, self._wipe),
        ]  # fmt: skip
        if self._network is not None:
            faults += [(3, self._cut_off), (2, self._set_apart)]
        ((_, fault),) = self._random.choices(faults, [weight for weight, _ in faults])
        if what := fault():
            self._log(what)
            self.done[fault.__name__.removeprefix("_")] += 1

    def pause(self) -> float:
        """Seconds until the next step."""
        return self._random.uniform(1.0, 5.0)

    def end(self) -> None:
        """Undo everything."""
        for _, undo in self._undo:
            undo()
        self._undo = []

    def _pids(self, node: int | None = None) -> dict[str, int]:
        """Storage processes by name, of one node or of all."""
        return processes(self._root, node)

    def _signal(self, pid: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    # Faults: each says what it has done, nothing if it had to be left.

    def _kill_process(self) -> str:
        name, pid = self._random.choice(sorted(self._pids().items()))
        self._signal(pid, signal.SIGKILL)
        return f"kill {name}"

    def _kill_node(self) -> str:
        node = self._random.randint(1, self._nodes)
        for pid in self._pids(node).values():
            self._signal(pid, signal.SIGKILL)
        return f"kill node {node}"

    def _stop_process(self) -> str:
        name, pid = self._random.choice(sorted(self._pids().items()))
        return self._freeze(name, [pid])

    def _stop_node(self) -> str:
        node = self._random.randint(1, self._nodes)
        return self._freeze(f"node {node}", list(self._pids(node).values()))

    def _freeze(self, what: str, pids: list[int]) -> str:
        seconds = self._random.uniform(1.0, 8.0)
        for pid in pids:
            self._signal(pid, signal.SIGSTOP)

        def thaw() -> None:
            for pid in pids:
                self._signal(pid, signal.SIGCONT)

        self._undo.append((time.monotonic() + seconds, thaw))
        return f"stop {what} for {seconds:.1f} s"

    def _cut_off(self) -> str:
        """The cable of a node is pulled."""
        assert self._network is not None
        node = self._random.randint(1, self._nodes)
        seconds = self._random.uniform(2.0, 12.0)
        if self._cut:
            return ""
        self._network.cut_off(node)
        self._join_later({node}, seconds)
        return f"cut node {node} off for {seconds:.1f} s"

    def _set_apart(self) -> str:
        """Two nodes no longer reach each other; the proxy reaches both."""
        assert self._network is not None
        one, other = self._random.sample(range(1, self._nodes + 1), 2)
        seconds = self._random.uniform(2.0, 12.0)
        if self._cut:
            return ""
        self._network.set_apart(one, other)
        self._join_later({one, other}, seconds)
        return f"nodes {one} and {other} do not reach each other for {seconds:.1f} s"

    def _join_later(self, nodes: set[int], seconds: float) -> None:
        network = self._network
        assert network is not None
        self._cut |= nodes

        def join() -> None:
            for node in nodes:
                network.join(node)
            self._cut -= nodes

        self._undo.append((time.monotonic() + seconds, join))

    def _device(self, node: int) -> Path:
        return self._root / "srv" / f"node{node}" / f"d{node}"

    def _unmount(self) -> str:
        node = self._random.randint(1, self._nodes)
        if node in self._unmounted:
            return ""
        device, seconds = self._device(node), self._random.uniform(2.0, 10.0)
        away = device.parent.parent / f"unmounted-d{node}"
        self._unmounted.add(node)
        device.rename(away)

        def mount() -> None:
            # Somebody who made its folder anew has written to the root disk.
            if device.exists():
                self.strays.append(f"d{node}: {sorted(os.listdir(device))}")
                device.rename(away.with_name(f"stray-d{node}-{time.monotonic_ns()}"))
            away.rename(device)
            self._unmounted.discard(node)

        self._undo.append((time.monotonic() + seconds, mount))
        return f"unmount d{node} for {seconds:.1f} s"

    def _wipe(self) -> str:
        if self._unmounted or not self._healed():
            return ""
        node = self._random.randint(1, self._nodes)
        device = self._device(node)
        fresh, old = (
            device.with_name("fresh"),
            device.parent.parent / f"old-d{node}-{time.monotonic_ns()}",
        )
        fresh.mkdir()
        device.rename(old)
        fresh.rename(device)
        shutil.rmtree(old, ignore_errors=True)
        return f"wipe d{node}"
