"""A store with objects in it, on a real disk or a simulated one, and auditors run over it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from swiftlite.host.bundle import Host
from swiftlite.host.plain import make_host
from swiftlite.obj.auditor.daemon import AuditorPass
from swiftlite.obj.auditor.options import AuditorOptions
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.observe import recon
from swiftlite.service.passes import Idle
from swiftlite.testing.sim_host import SimNode, World
from swiftlite.vocab.timestamp import Timestamp
from tests.objectstore.stores import HASH_PATH, NOW, StillClock, Store
from tests.service.contexts import Lines, cluster_of, make_context

UNHURRIED = {"files_per_second": 0.0, "bytes_per_second": 0.0, "zero_byte_files_per_second": 0.0}
Values = dict[str, Any]


class Auditing:
    """store: one device `sda1` (more by add_device) with partition 7."""

    def __init__(self, host: Host, root: str, recon_path: str) -> None:
        self.host = host
        self.root = root
        self.store = Store(root, host=host)
        self.recon_path = recon_path
        self.sink = Lines()
        self.rings: Any = None

    def auditor(
        self, *, once: bool = True, flags: Mapping[str, Any] | None = None,
        context: Values | None = None, **options: Any,  # noqa: ANN401 - of AuditorOptions
    ) -> AuditorPass:  # fmt: skip
        cluster = dataclasses.replace(cluster_of(), hash_path=HASH_PATH)
        node_conf = {"devices": self.root, "mount_check": "false"}
        values: Values = {
            "cluster": cluster,
            "node_conf": node_conf,
            "rings": self.rings,
            "flags": flags or {},
            **(context or {}),
        }
        made = make_context(
            self.host, sink=self.sink, recon_path=self.recon_path, once=once, **values
        )
        return AuditorPass(made, AuditorOptions(**{**UNHURRIED, **options}))

    def audit(self, **how: Any) -> None:  # noqa: ANN401 - as auditor()
        """One pass of each kind, to its end."""
        made = self.auditor(**how)
        try:
            while not isinstance(made.step(), Idle):
                pass
        finally:
            made.close()

    def place(self, obj: str) -> HashDir:
        return self.store.diskfile(obj).place

    def data(self, obj: str) -> str:
        names = self.host.disk.listdir(self.place(obj).path)
        (name,) = (name for name in names if name.endswith(".data"))
        return f"{self.place(obj).path}/{name}"

    def put(self, obj: str, body: bytes, at: Timestamp = NOW, **more: str) -> None:
        self.store.put(body, at, obj, **more)

    def quarantined(self, device: str = "sda1") -> list[str]:
        try:
            return sorted(self.host.disk.listdir(f"{self.root}/{device}/quarantined/objects"))
        except FileNotFoundError:
            return []

    def expect_quarantined(self, *objs: str) -> None:
        assert self.quarantined() == sorted(HASH_PATH.hex("a", "c", obj) for obj in objs)
        for obj in objs:
            assert self.place(obj).suffix in self.marked()

    def marked(self) -> list[str]:
        """Suffixes that are to be hashed again."""
        disk = self.host.disk
        fd = disk.open(f"{self.root}/sda1/objects/7/hashes.invalid")
        try:
            return disk.read(fd, 1 << 20).decode().split()
        finally:
            disk.close(fd)

    def overwrite(self, path: str, offset: int, mask: int = 0x10) -> None:
        disk = self.host.disk
        fd = disk.open(path, 2)
        try:
            byte = disk.pread(fd, 1, offset)[0]
            disk.pwrite(fd, bytes([byte ^ mask]), offset)
        finally:
            disk.close(fd)

    def stats(self, kind: str = "ALL") -> dict[str, Any]:
        found = recon.load(self.host.disk, f"{self.recon_path}/object.recon")
        value = found[f"object_auditor_stats_{kind}"]
        assert isinstance(value, dict)
        return value

    def status(self, kind: str = "ALL") -> list[str] | None:
        disk = self.host.disk
        try:
            fd = disk.open(f"{self.root}/sda1/objects/auditor_status_{kind}.json")
        except FileNotFoundError:
            return None
        try:
            found: list[str] = json.loads(disk.read(fd, 1 << 20))["partitions"]
        finally:
            disk.close(fd)
        return found


def real(folder: Path) -> Auditing:
    (folder / "node").mkdir()
    host = dataclasses.replace(make_host(), clock=StillClock())
    return Auditing(host, str(folder / "node"), str(folder))


class SimAuditing(Auditing):
    """On a simulated node; run() runs code there."""

    def __init__(self, seed: int = 1) -> None:
        self.world = World(seed)
        self.world.clock.start = NOW.seconds + 1
        self.node: SimNode = self.world.node("10.0.0.1")
        self.node.disk.makedirs("/srv/node/sda1")
        self.node.disk.makedirs("/var/cache/swift")
        super().__init__(self.node.host, "/srv/node", "/var/cache/swift")

    def run(self, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - what act gives
        return self.world.run(self.node, act)
