"""Options of the daemons that keep databases: replicators and auditors. Names and defaults are
Swift's, save where the help says so."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt
from swiftlite.config.units import parse_auto_int
from swiftlite.service import pauses


@dataclass(frozen=True, slots=True)
class ReplicatorOptions:
    """Both replicators; each adds its section."""

    interval: Seconds = opt(
        30.0, "From the start of one pass to that of the next.", minimum=0, aliases=("run_pause",)
    )
    busy_interval: Seconds = opt(0.0, pauses.BUSY, minimum=0)
    quiet_interval: Seconds = opt(0.0, pauses.QUIET, minimum=0)
    concurrency: int = opt(
        8, "Databases that are brought to their replicas at the same time.", minimum=1, maximum=1000
    )
    databases_per_second: float = opt(
        50.0,
        "Databases per second, at most, that need more than a comparison; 0: no limit. Those found "
        "in sync by one cost next to nothing and are not counted.",
        minimum=0,
    )
    per_diff: int = opt(
        1000, "Rows in a batch. A replica that lacks more may get the whole file.", minimum=1
    )
    max_diffs: int = opt(
        100, "Batches sent to one replica in a pass before others have their turn.", minimum=1
    )
    reclaim_age: Seconds = opt(
        604_800.0,
        "Age at which what tells of a deletion may be forgotten. Longer than any node is away.",
        minimum=0,
    )
    node_timeout: Seconds = opt(10.0, "Longest wait for another node's answer.", minimum=0)
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.", minimum=0)
    rsync_module: str = opt(
        "",
        "Module of the rsync daemons of nodes that are not swiftlite; empty: "
        "{replication_ip}::account, or ::container.",
    )
    rsync_compress: bool = opt(False, "Compress what rsync sends to other regions.")
    handoffs_only: bool = opt(
        False, "Look only after databases that belong elsewhere. For emergencies."
    )
    handoff_delete: int | None = opt(
        None,
        "How many primaries must hold a database before it is removed where it does not belong; "
        "auto: all of them.",
        parse=parse_auto_int,
        shown="auto",
        minimum=0,
    )
    per_comparison: int = opt(
        256,
        "Databases that a swiftlite node is asked about in one call; not an option of Swift.",
        minimum=1,
        maximum=10_000,
    )


@dataclass(frozen=True, slots=True)
class AuditorOptions:
    """Both auditors; each adds its section and how many databases it checks in a second."""

    interval: Seconds = opt(1800.0, "From the start of one pass to that of the next.", minimum=0)
    page_check_interval: Seconds = opt(
        86_400.0,
        "How often every page of a database is read and checked; in between its facts alone are. "
        "0: in every pass. Not an option of Swift, which never reads the pages.",
        minimum=0,
    )
