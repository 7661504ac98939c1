"""Options of the container updater. Names and defaults are Swift's, save where the help says so."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt


@dataclass(frozen=True, slots=True)
class UpdaterOptions:
    SECTION = "container-updater"
    CONF = ("container-server.conf",)

    interval: Seconds = opt(300.0, "From the beginning of one sweep to that of the next.")
    concurrency: int = opt(4, "Containers that are reported at a time.", minimum=1)
    node_timeout: Seconds = opt(3.0, "Longest wait for an account server's answer.")
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.")
    containers_per_second: float = opt(
        50.0,
        "Containers a second that are looked into; those that have not changed do not count. 0: "
        "as fast as it goes.",
        minimum=0,
    )
    account_suppression_time: Seconds = opt(
        60.0, "For how long an account that took no report is sent no other."
    )
