"""All checks, causes before what comes of them."""

from __future__ import annotations

from swiftlite.cli.doctor import (
    around,
    confs,
    devices,
    fleet,
    fleet_sameness,
    fleet_work,
    leftovers,
    read_only,
    replication,
    rings,
    room,
    rsync,
    running,
)

OF_A_NODE = (
    *confs.CHECKS,
    *rings.CHECKS,
    *devices.CHECKS,
    *read_only.CHECKS,
    *room.CHECKS,
    *leftovers.CHECKS,
    *running.CHECKS,
    *around.CHECKS,
    *rsync.CHECKS,
    *replication.CHECKS,
)
OF_THE_FLEET = (*fleet.CHECKS, *fleet_sameness.CHECKS, *fleet_work.CHECKS)
