"""A little data centre on one host: machines in network namespaces, a switch between them, disks.

Disks are files of XFS behind loop devices, which a machine sees as /dev/sdb1, /dev/sdc1 and so on.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.datacentre.machine import Machine, run

NETWORK = "192.0.2"
_DISK_BYTES = 400 << 20  # XFS wants 300 MiB


class DataCentre:
    """addresses: the last number of each machine's address."""

    def __init__(
        self, name: str, folder: Path, layers: Sequence[Path], addresses: Mapping[str, int]
    ) -> None:
        self._switch = f"{name}-switch"
        self._folder = folder
        self._addresses = addresses
        self.machines = {
            machine: Machine(machine, name, folder / machine, layers) for machine in addresses
        }
        self._disks: dict[tuple[str, str], Path] = {}

    @contextlib.contextmanager
    def open(self) -> Iterator[DataCentre]:
        """All machines made, none powered on; nothing is left of them afterwards but logs."""
        try:
            run("ip", "netns", "add", self._switch)
            run("ip", "-n", self._switch, "link", "add", "switch", "type", "bridge")
            run("ip", "-n", self._switch, "link", "set", "switch", "up")
            for name in self.machines:
                self._make(name)
            yield self
        finally:
            self._remove()

    def _make(self, name: str) -> None:
        machine = self.machines[name]
        machine.make()
        peer = ("peer", "name", "host0", "netns", machine.namespace)
        run("ip", "-n", self._switch, "link", "add", name, "type", "veth", *peer)
        run("ip", "-n", self._switch, "link", "set", name, "master", "switch", "up")
        address = f"{NETWORK}.{self._addresses[name]}/24"
        run("ip", "-n", machine.namespace, "address", "add", address, "dev", "host0")
        run("ip", "-n", machine.namespace, "link", "set", "host0", "up")
        hosts = [f"{NETWORK}.{last} {host}\n" for host, last in self._addresses.items()]
        (machine.root / "etc/hosts").write_text("127.0.0.1 localhost\n" + "".join(hosts))

    def power_on(self, name: str) -> None:
        self.machines[name].power_on()
        self._plug_in(name)

    def power_off(self, name: str) -> None:
        self.machines[name].power_off()

    def pull_the_plug(self, name: str) -> None:
        self.machines[name].pull_the_plug()

    def rebooted(self, name: str) -> None:
        """A machine that was told to reboot comes back, and finds its disks."""
        self.machines[name].power_on_again()
        self._plug_in(name)

    def insert_disk(self, machine: str, disk: str) -> None:
        """A new, empty one."""
        image = self._folder / f"{machine}-{disk}.img"
        with image.open("wb") as file:
            file.truncate(_DISK_BYTES)
        loop = Path(run("losetup", "--find", "--show", str(image)).strip())
        self._disks[machine, disk] = loop
        if self.machines[machine].is_up():
            self.machines[machine].add_device(disk, loop)

    def pull_disk(self, machine: str, disk: str) -> None:
        """It fails: from now on every access to its files is an I/O error."""
        loop = self._disks.pop((machine, disk))
        self.machines[machine].check(f"xfs_io -x -c shutdown /srv/node/{disk}")
        self.machines[machine].remove_device(disk)
        run("losetup", "--detach", str(loop))  # once it is unmounted
        (self._folder / f"{machine}-{disk}.img").unlink()

    def _plug_in(self, name: str) -> None:
        """What kernel and udev do at a start: device nodes, then mounts."""
        machine = self.machines[name]
        for (owner, disk), loop in self._disks.items():
            if owner == name:
                machine.add_device(disk, loop)
        machine.run("mount -a")

    def _remove(self) -> None:
        for machine in self.machines.values():
            with contextlib.suppress(Exception):
                machine.remove()
        for loop in self._disks.values():
            subprocess.run(["losetup", "--detach", str(loop)], capture_output=True)
        subprocess.run(["ip", "netns", "del", self._switch], capture_output=True)
        for name in self.machines:
            for part in ("upper", "work", "root"):
                shutil.rmtree(self._folder / name / part, ignore_errors=True)
        for image in self._folder.glob("*.img"):
            image.unlink()
