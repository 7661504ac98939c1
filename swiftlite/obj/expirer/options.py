"""Options of the object expirer. Names and defaults are Swift's."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt
from swiftlite.formats.expirer_task import CONTAINER_DIVISOR


@dataclass(frozen=True, slots=True)
class ExpirerOptions:
    SECTION = "object-expirer"
    CONF = ("object-server.conf", "object-expirer.conf")
    MADE_UP = ("delay_reaping_",)

    interval: Seconds = opt(300.0, "From the beginning of one pass to that of the next.")
    dequeue_from_legacy: bool = opt(
        False,
        "Work off the queue. At least one node must; where the conf's own name says expirer "
        "(object-expirer.conf) it does so in any case.",
    )
    internal_client_conf_path: str = opt(
        "/etc/swift/internal-client.conf",
        "Conf of the proxy within the expirer; object-expirer.conf has it in itself.",
    )
    concurrency: int = opt(1, "Objects that are deleted at a time.", minimum=1)
    tasks_per_second: float = opt(
        50.0, "Objects deleted a second; 0: as fast as it goes.", minimum=0
    )
    processes: int = opt(
        0, "In how many parts the work is split among expirers; 0: all is ours.", minimum=0
    )
    process: int = opt(0, "Which of the parts is ours, from 0.", minimum=0)
    request_tries: int = opt(3, "How often a request is made before it has failed.", minimum=1)
    reclaim_age: Seconds = opt(
        604_800.0, "Age at which a task is dropped though its object cannot be found."
    )
    report_interval: Seconds = opt(300.0, "How often a long pass tells how far it is.")
    round_robin_task_cache_size: int = opt(
        100_000,
        "Tasks kept in memory, so that objects of one container are not deleted in a row.",
        minimum=1,
    )
    node_timeout: Seconds = opt(10.0, "Longest wait for a container server to drop tasks.")
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.")
    expiring_objects_container_divisor: int = opt(
        CONTAINER_DIVISOR,
        "Seconds that one container of the queue covers; deprecated.",
        minimum=101,
    )

    def __post_init__(self) -> None:
        if self.processes and self.process >= self.processes:
            raise ValueError("process must be less than processes")
