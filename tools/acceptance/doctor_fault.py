"""A fault that can be planted on machines of the data centre, and the ways to plant one.

A fault is what doctor has to call it, in a few words what is wrong, the machine at which doctor is
asked and its command typed, and how it comes about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.datacentre.centre import DataCentre

Plant = Callable[[DataCentre], object]
_CONF = "/etc/swift/{}-server.conf"


@dataclass(frozen=True)
class Fault:
    """whole: the cluster is asked for it (--all), not the machine. where: in the finding's place.
    within_s: how long it may take after the command until doctor is silent."""

    finding: str
    title: str
    machine: str
    plant: Plant
    where: str = ""
    whole: bool = False
    within_s: float = 60.0


def typed(machine: str, script: str) -> Plant:
    return lambda centre: centre.machines[machine].check(script)


def each(*plants: Plant) -> Plant:
    def plant(centre: DataCentre) -> None:
        for one in plants:
            one(centre)

    return plant


def added(machine: str, kind: str, section: str, line: str) -> Plant:
    """A line in a section of a conf; nobody has read it yet."""
    return typed(machine, f"sed -i '/^\\[{section}\\]/a {line}' {_CONF.format(kind)}")


def replaced(machine: str, kind: str, old: str, new: str) -> Plant:
    """Another text in a conf, and the server started with that."""
    restart = typed(machine, f"systemctl restart swiftlite-{kind}-server")
    return each(edited(machine, kind, old, new), restart)


def edited(machine: str, kind: str, old: str, new: str) -> Plant:
    conf = _CONF.format(kind)
    return typed(machine, f"grep -q '{old}' {conf} && sed -i 's/{old}/{new}/' {conf}")


def stopped(machine: str, unit: str) -> Plant:
    return typed(machine, f"systemctl stop {unit}")


def told(machine: str, kind: str, key: str, ago_s: int) -> Plant:
    """A moment in a recon cache, as if nothing had been heard since."""
    path = f"/var/cache/swift/{kind}.recon"
    return typed(
        machine,
        f"flock {path}.lock python3 -c \"import json, time; told = json.load(open('{path}')); "
        f"told['{key}'] = time.time() - {ago_s}; json.dump(told, open('{path}', 'w'))\"",
    )


def new_disk(machine: str, disk: str) -> Plant:
    return each(
        lambda centre: centre.insert_disk(machine, disk),
        typed(
            machine,
            f"mkfs.xfs -q -L {disk} /dev/{disk} && mkdir -p /srv/node/{disk} && "
            f"mount /dev/{disk} /srv/node/{disk} && chown swift: /srv/node/{disk}",
        ),
    )
