"""`swiftlite-recon-cron CONF`: count the async pendings of this node, for the recon filter to show.

To be run every few minutes. Two never run at once; the second gives up after a while. Exit codes:
0 counted, 1 could not, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from swiftlite.config.load import options, read_conf
from swiftlite.formats.ondisk_names import ASYNC_PENDING, parse_policy_dir
from swiftlite.host.disk import Disk
from swiftlite.host.plain import make_host
from swiftlite.middleware.recon.caches import OBJECT
from swiftlite.middleware.recon.options import ReconOptions
from swiftlite.observe import recon
from swiftlite.vocab.errors import SwiftliteError

_LOCK = "swift-recon-object-cron"  # Swift's, so that theirs and ours do not run at once either
_LOCK_TIMEOUT_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="swiftlite-recon-cron",
        description="Count the async pendings of this node and put them into its recon cache.",
    )
    parser.add_argument("conf", help="object-server.conf")
    chosen = parser.parse_args(arguments)
    host = make_host()
    try:
        conf = read_conf(chosen.conf)
        section = conf.sections.get("filter:recon", conf.defaults)
        table = options(ReconOptions, section, where=f"{chosen.conf} [filter:recon]")
        lock = f"{table.recon_lock_path}/{_LOCK}"
        host.disk.makedirs(lock)
        with host.disk.flock(f"{lock}/.lock", _LOCK_TIMEOUT_S):
            found = {
                "async_pending": count_pendings(host.disk, table.devices),
                "async_pending_last": host.clock.wall(),
            }
            recon.dump(host.disk, f"{table.recon_cache_path}/{OBJECT}", found)
    except (SwiftliteError, OSError) as error:
        print(f"swiftlite-recon-cron: {error}", file=sys.stderr)
        return 1
    return 0


def count_pendings(disk: Disk, devices: str) -> int:
    """Files of updates that wait, on all devices and for all policies."""
    return sum(
        len(_names(disk, f"{below}/{suffix}"))
        for below in _pending_dirs(disk, devices)
        for suffix in _names(disk, below)
    )


def _pending_dirs(disk: Disk, devices: str) -> Iterator[str]:
    for device in _names(disk, devices):
        for name in _names(disk, f"{devices}/{device}"):
            policy = parse_policy_dir(name)
            if policy is not None and policy[0] == ASYNC_PENDING:
                yield f"{devices}/{device}/{name}"


def _names(disk: Disk, path: str) -> list[str]:
    """No names for what is no directory, or has gone meanwhile; a broken disk raises OSError."""
    try:
        return disk.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
