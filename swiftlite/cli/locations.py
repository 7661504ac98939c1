"""Where the rings put something: nodes and handoffs, and the commands to look at it there.

The lines that begin with a fixed word, `curl` and `ssh` are OpenStack Swift's to the letter, since
scripts read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from swiftlite.formats.db_files import hash_dir
from swiftlite.ring import Device, Ring
from swiftlite.vocab.headers import X_BACKEND_STORAGE_POLICY_INDEX
from swiftlite.vocab.names import quote_path


@dataclass(frozen=True, slots=True)
class Target:
    """An account, a container or an object; all None when a partition is looked at."""

    account: str | None = None
    container: str | None = None
    obj: str | None = None

    @property
    def path(self) -> str:
        return "/".join(name for name in (self.account, self.container, self.obj) if name)


@dataclass(frozen=True, slots=True)
class Locations:
    """datadir: accounts, containers, objects, objects-1; policy_index: for the curl lines."""

    target: Target
    partition: int
    digest: str | None
    primaries: tuple[Device, ...]
    handoffs: tuple[Device, ...]
    datadir: str
    policy_index: int | None = None

    def lines(self) -> Iterator[str]:
        yield f"Partition\t{self.partition}"
        yield f"Hash     \t{self.digest}"
        yield ""
        for device in self.primaries:
            yield f"Server:Port Device\t{_at(device)} {device.device}"
        for device in self.handoffs:
            yield f"Server:Port Device\t{_at(device)} {device.device}\t [Handoff]"
        yield from ("", "")
        yield from (self.curl(device) for device in self.primaries)
        yield from (f"{self.curl(device)} # [Handoff]" for device in self.handoffs)
        yield from (
            "",
            "",
            "To look on the servers themselves, set DEVICE to what their confs call",
        )
        yield '`devices`, such as "export DEVICE=/srv/node"; it is /srv/node* otherwise.'
        yield from (self.ssh(device) for device in self.primaries)
        yield from (f"{self.ssh(device)} # [Handoff]" for device in self.handoffs)

    def curl(self, device: Device) -> str:
        ip = f"[{device.ip}]" if ":" in device.ip else device.ip
        target = quote_path(self.target.path or "None")
        url = f"http://{ip}:{device.port}/{device.device}/{self.partition}/{target}"
        policy = ""
        if self.policy_index is not None:
            policy = f' -H "{X_BACKEND_STORAGE_POLICY_INDEX}: {self.policy_index}"'
        return f'curl -g -I -XHEAD "{url}"{policy} --path-as-is'

    def ssh(self, device: Device) -> str:
        return f'ssh {device.ip} "ls -lah ${{DEVICE:-/srv/node*}}/{device.device}/{self.folder}"'

    @property
    def folder(self) -> str:
        """Below the device."""
        if self.digest is None:
            return f"{self.datadir}/{self.partition}"
        return hash_dir(self.datadir, self.partition, self.digest)

    def facts(self) -> dict[str, object]:
        """For --json."""
        return {
            "account": self.target.account,
            "container": self.target.container,
            "object": self.target.obj,
            "partition": self.partition,
            "hash": self.digest,
            "policy_index": self.policy_index,
            "folder": self.folder,
            "nodes": [self._node(device, handoff=False) for device in self.primaries]
            + [self._node(device, handoff=True) for device in self.handoffs],
        }

    def _node(self, device: Device, *, handoff: bool) -> dict[str, object]:
        return {
            "ip": device.ip,
            "port": device.port,
            "device": device.device,
            "region": device.region,
            "zone": device.zone,
            "handoff": handoff,
            "curl": self.curl(device),
        }


def locate(
    ring: Ring,
    target: Target,
    datadir: str,
    *,
    partition: int | None = None,
    all_handoffs: bool = False,
    policy_index: int | None = None,
) -> Locations:
    """A partition that is given counts, whatever the target; as many handoffs as primaries, or
    all."""
    digest = None
    if partition is None:
        assert target.account is not None
        digest = ring.hash_path.hex(target.account, target.container, target.obj)
        partition = ring.partition(target.account, target.container, target.obj)
    primaries = ring.primaries(partition)
    found = (handoff.device for handoff in ring.handoffs(partition))
    handoffs = tuple(found if all_handoffs else islice(found, len(primaries)))
    return Locations(target, partition, digest, primaries, handoffs, datadir, policy_index)


def datadir_of(ring_name: str) -> str:
    """object-1 -> objects-1; account -> accounts"""
    kind, dash, index = ring_name.partition("-")
    return f"{kind}s{dash}{index}"


def _at(device: Device) -> str:
    return f"{device.ip}:{device.port}"
