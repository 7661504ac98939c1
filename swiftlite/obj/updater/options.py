"""Options of the object updater. Names are Swift's, and so are defaults but where the help says."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt


@dataclass(frozen=True, slots=True)
class UpdaterOptions:
    SECTION = "object-updater"
    CONF = ("object-server.conf",)

    interval: Seconds = opt(300.0, "From the beginning of one sweep to that of the next.")
    concurrency: int = opt(8, "Calls to container servers under way at a time.", minimum=1)
    updater_workers: int = opt(1, "Processes that share the devices.", minimum=1, maximum=256)
    node_timeout: Seconds = opt(10.0, "Longest wait for a container server's answer.")
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.")
    objects_per_second: float = opt(
        1000.0,
        "Updates sent a second by one worker; 0: as fast as it goes. Swift's default is 50; here "
        "many updates go in one call.",
        minimum=0,
    )
    max_objects_per_container_per_second: float = opt(
        0.0,
        "Updates sent a second to one container by one worker; others wait for the end of the "
        "sweep, or for the next. 0: no limit.",
        minimum=0,
    )
    per_container_ratelimit_buckets: int = opt(
        1000, "Containers are told apart by so many buckets for that limit.", minimum=1
    )
    max_deferred_updates: int = opt(
        10_000, "Updates that may wait in memory because of that limit.", minimum=0
    )
    report_interval: Seconds = opt(300.0, "How often a long sweep tells how far it is.")
    async_tracker_max_entries: int = opt(
        100, "Containers with failures of which the oldest update is remembered.", minimum=1
    )
    async_tracker_dump_count: int = opt(
        5, "How many of them, the oldest first, go into the recon cache.", minimum=1
    )
