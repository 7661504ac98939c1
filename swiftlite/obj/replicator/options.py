"""Options of the object replicator; names and defaults are Swift's."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt
from swiftlite.config.units import parse_auto_int
from swiftlite.peers.rsync import RsyncSettings
from swiftlite.service import pauses


def _auto_or_count(text: str) -> int:
    return parse_auto_int(text) or 0


@dataclass(frozen=True, slots=True)
class ReplicatorOptions:
    SECTION = "object-replicator"
    CONF = ("object-server.conf",)

    interval: Seconds = opt(30.0, "Pause between two passes.", minimum=0, aliases=("run_pause",))
    busy_interval: Seconds = opt(0.0, pauses.BUSY, minimum=0)
    quiet_interval: Seconds = opt(0.0, pauses.QUIET, minimum=0)
    concurrency: int = opt(
        1, "Partitions that one process moves at the same time.", minimum=1, maximum=1000
    )
    replicator_workers: int = opt(
        0, "Processes that share the devices; 0: the daemon does it all itself.", minimum=0
    )
    stats_interval: Seconds = opt(300.0, "Pause between two lines about progress.", minimum=1)
    sync_method: str = opt(
        "rsync",
        "How files are pushed: by rsync, to the daemon that each node then runs, or by ssync, to "
        "its object server. With rsync and no rsync_bwlimit, a few objects still go to a node of "
        "our kind by ssync.",
        choices=("rsync", "ssync"),
    )
    rsync_timeout: Seconds = opt(900.0, "Longest time that one rsync may take.", minimum=1)
    rsync_io_timeout: str = opt("30", "Given to rsync as its timeouts of input and connection.")
    rsync_bwlimit: str = opt("0", "Given to rsync as its limit of bandwidth; 0: none.")
    rsync_compress: bool = opt(False, "Let rsync compress what it sends to other regions.")
    rsync_module: str = opt(
        "{replication_ip}::object",
        "Where rsync pushes to. {ip}, {port}, {replication_ip}, {replication_port}, {region}, "
        "{zone}, {device} and {meta} stand for what the ring says of the device.",
    )
    rsync_error_log_line_length: int = opt(
        0, "Errors of rsync are cut to so many characters in the log; 0: not at all.", minimum=0
    )
    log_rsync_transfers: bool = opt(
        True, "Log every file that rsync has sent (at the level of debugging)."
    )
    http_timeout: Seconds = opt(
        60.0, "Longest wait for a node's hashes, and for its next word in an SSYNC.", minimum=1
    )
    node_timeout: Seconds = opt(10.0, "Longest wait for a node that takes nothing.", minimum=1)
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection.", minimum=0)
    handoffs_first: bool = opt(
        False,
        "Only after a rebalance that fills devices: move handoffs first, and nothing else until "
        "none is left.",
    )
    handoff_delete: int = opt(
        0,
        "Let a handoff go once so many primaries have it; auto: all of them.",
        minimum=0,
        parse=_auto_or_count,
        shown="auto",
    )
    ring_check_interval: Seconds = opt(
        15.0, "Accepted because Swift has it; rings are looked at every 15 seconds.", minimum=0
    )
    network_chunk_size: int = opt(
        65_536, "Accepted because Swift has it; blocks are 64 KiB and more here.", minimum=1
    )
    lockup_timeout: Seconds = opt(
        1800.0, "Accepted because Swift had it; every wait ends by itself here.", minimum=0
    )

    @property
    def rsync(self) -> RsyncSettings:
        return RsyncSettings(
            module=self.rsync_module or "{replication_ip}::object",
            timeout=self.rsync_timeout,
            io_timeout=self.rsync_io_timeout,
            bwlimit=self.rsync_bwlimit,
            compress=self.rsync_compress,
            log_transfers=self.log_rsync_transfers,
            line_length=self.rsync_error_log_line_length,
        )
