"""An account server over a folder of the real file system."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from swiftlite.account.options import AccountServerOptions
from swiftlite.account.server import AccountServer
from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.units import Reserve
from swiftlite.host.plain import make_host
from swiftlite.observe.log import Log
from swiftlite.policies import parse_policies
from swiftlite.vocab.limits import Limits
from tests.dbstore.stores import HASH_PATH

POLICIES = {
    "storage-policy:0": {"name": "gold", "default": "yes"},
    "storage-policy:1": {"name": "silver"},
}


class Lines:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, level: int, line: str) -> None:
        self.lines.append(line)


def cluster_conf(**limits: int) -> ClusterConf:
    return ClusterConf("/none", HASH_PATH, Limits(**limits), parse_policies(POLICIES))  # type: ignore[arg-type]  # counts


def make_server(
    root: Path,
    lines: Lines | None = None,
    *,
    limits: dict[str, int] | None = None,
    **options: object,
) -> AccountServer:
    (root / "sda1").mkdir(exist_ok=True)
    chosen = replace(
        AccountServerOptions(
            devices=str(root), mount_check=False, fallocate_reserve=Reserve(), log_requests=True
        ),
        **options,  # type: ignore[arg-type]  # names of options
    )
    log = Log("account-server", sink=lines or Lines())
    return AccountServer(make_host(), cluster_conf(**(limits or {})), chosen, log)
