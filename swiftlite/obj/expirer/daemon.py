"""`swiftlite-object-expirer CONF [--processes N --process N]`."""

from __future__ import annotations

from collections.abc import Sequence

from swiftlite.obj.expirer.expire import ExpirerPass
from swiftlite.obj.expirer.options import ExpirerOptions
from swiftlite.service.daemon_main import run_daemon
from swiftlite.service.passes import DaemonSpec, Flag


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("it must not be negative")
    return number


SPEC = DaemonSpec(
    "object-expirer",
    (ExpirerOptions,),
    ExpirerPass,
    flags=(
        Flag(("--processes",), "in how many parts the work is split", "N", _number),
        Flag(("--process",), "which of the parts is ours, from 0", "N", _number),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_daemon(SPEC, arguments)
