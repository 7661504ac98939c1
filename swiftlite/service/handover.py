"""What a server's parent hands to itself when it starts anew: open doors and present workers.

A seamless reload is an exec of the same command in the same process. The pid stays, and with it
the pid file, systemd's main process and the parenthood of the workers, who serve on until the new
ones are ready; the listening sockets stay, so that no client notices. New are the code and the
conf.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from swiftlite.host.net import Address
from swiftlite.service.child import HEARD

_VARIABLE = "SWIFTLITE_HANDOVER"


@dataclass(frozen=True, slots=True)
class Handover:
    """doors: descriptors of listening sockets; elders: pids of workers that still serve."""

    doors: dict[Address, int] = field(default_factory=dict)
    elders: tuple[int, ...] = ()

    def render(self) -> str:
        # A local socket is written as one at no port, which versions that know none just close.
        doors = [
            [*((address, 0) if isinstance(address, str) else address), fd]
            for address, fd in self.doors.items()
        ]
        return json.dumps({"doors": doors, "elders": list(self.elders)})


def parse_handover(text: str) -> Handover:
    found = json.loads(text)
    return Handover(
        {(ip, port) if port else ip: fd for ip, port, fd in found["doors"]},
        tuple(found["elders"]),
    )


def take_over(environ: MutableMapping[str, str] = os.environ) -> Handover:
    """What the predecessor left, once; nothing on an ordinary start."""
    text = environ.pop(_VARIABLE, "")
    return parse_handover(text) if text else Handover()


def own_command() -> list[str]:
    """The command line that started this process, to be run again."""
    return [sys.executable, *sys.orig_argv[1:]]


def start_anew(doors: Mapping[Address, socket.socket], elders: Sequence[int]) -> NoReturn:
    """Become a fresh process under the same pid. Only returns by raising OSError."""
    kept = {address: door.fileno() for address, door in doors.items()}
    for door in doors.values():
        door.set_inheritable(True)
    os.environ[_VARIABLE] = Handover(kept, tuple(elders)).render()
    # Signals wait until the new image can hear them: by default they would end it.
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    try:
        os.execv(sys.executable, own_command())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        del os.environ[_VARIABLE]
        for door in doors.values():
            door.set_inheritable(False)
