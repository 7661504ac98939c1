"""Options of `[DEFAULT]` that every background daemon understands. Names are Swift's."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import opt

_IO_CLASSES = {
    "IOPRIO_CLASS_RT": "realtime",
    "IOPRIO_CLASS_BE": "best-effort",
    "IOPRIO_CLASS_IDLE": "idle",
}


def _io_class(text: str) -> str:
    name = text.upper()
    if name and name not in _IO_CLASSES:
        raise ValueError(f"must be one of {', '.join(_IO_CLASSES)}")
    return name


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    SECTION = "DEFAULT"
    CONF = (
        "account-server.conf",
        "container-server.conf",
        "object-server.conf",
        "object-expirer.conf",
    )

    recon_cache_path: str = opt(
        "/var/cache/swift", "Where servers and daemons leave what the recon tools show."
    )
    metrics_port: int = opt(
        0,
        "Where a daemon tells GET /metrics, on bind_ip: a port that nobody else has; of a daemon "
        "with several workers each further one has the next. 0: nowhere.",
        minimum=0,
        maximum=65_535,
    )
    nice_priority: int | None = opt(
        None,
        "Scheduling priority of the daemons, from -20 (first) to 19; empty: as started.",
        minimum=-20,
        maximum=19,
        shown="",
    )
    ionice_class: str = opt(
        "",
        "I/O class of the daemons: IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE; empty: "
        "as started.",
        parse=_io_class,
    )
    ionice_priority: int = opt(
        0, "Priority within the I/O class, from 0 (first) to 7.", minimum=0, maximum=7
    )

    @property
    def io_class(self) -> str | None:
        """The class by its kernel name."""
        return _IO_CLASSES.get(self.ionice_class)
