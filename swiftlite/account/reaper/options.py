"""Options of the account reaper. Names and defaults are Swift's."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt


@dataclass(frozen=True, slots=True)
class ReaperOptions:
    SECTION = "account-reaper"
    CONF = ("account-server.conf",)

    interval: Seconds = opt(3600.0, "From the beginning of one pass to that of the next.")
    concurrency: int = opt(
        25,
        "Deletions under way at a time: the square root of it in containers, times as many objects "
        "in each.",
        minimum=1,
    )
    node_timeout: Seconds = opt(10.0, "Longest wait for a server's answer.")
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.")
    delay_reaping: Seconds = opt(
        0.0,
        "For how long a deleted account is left as it is, so that it can still be brought back.",
    )
    reap_warn_after: Seconds = opt(
        2_592_000.0,
        "An account that is not all gone so long after delay_reaping is named in the log, with a "
        "warning.",
    )
