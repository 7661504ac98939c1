"""Asking the cluster: the rings of swift_dir, and every storage server that they name."""

from __future__ import annotations

from swiftlite.cli.doctor.fleet import refuses
from swiftlite.cli.plan.facts import Facts, facts_of
from swiftlite.cli.plan.rings import rings_of
from swiftlite.cli.plan.told import PATHS, read
from swiftlite.cli.recon.ask import ask_all
from swiftlite.cluster import conf as cluster_conf
from swiftlite.config.load import ConfError


def gather(swift_dir: str, timeout: float) -> Facts:
    """Raises ConfError without rings, and what reading them raises."""
    rings = list(rings_of(swift_dir, cluster_conf.load(swift_dir)))
    if not rings:
        raise ConfError(f"there is no ring in {swift_dir}")
    kinds: dict[tuple[str, int], str] = {}
    for one in rings:
        for device in one.ring.devices:
            if device is not None:
                kinds.setdefault(device.address, one.kind)
    told = read(kinds, ask_all(sorted(kinds), PATHS, timeout), refuses)
    return facts_of(rings, told)
