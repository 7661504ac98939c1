"""Many clients that connect at once, to a worker that is busy."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from swiftlite.host.bundle import Host

CROWD = 64


def ok(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"ok"]


def test_a_crowd_is_taken_in_a_few_rounds_of_the_loop(
    start: Callable[..., Any], host: Host
) -> None:
    # A round lasts as long as all ready requests take: with one client a round the last of a
    # crowd waited for seconds.
    server = start(ok)
    with ExitStack() as clients:
        for _ in range(CROWD):
            clients.enter_context(socket.create_connection(server.address))
        rounds = 0
        while server.acceptor.connections < CROWD:
            host.tasks.sleep(0)
            rounds += 1
        assert rounds <= CROWD // 4
