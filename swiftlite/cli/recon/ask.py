"""Asking many servers several things at once: a thread per server, one connection for all of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from swiftlite.host.bundle import Host
from swiftlite.host.net import DeadlinePassed
from swiftlite.host.plain import make_host
from swiftlite.peers.direct import Caller
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.pool import Pool

SERVER_TYPE = "OPTIONS"
"""In place of a path: not a check of the recon filter, but what the server says it is."""
_AT_ONCE = 30

Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Reply:
    """status: of HTTP, or -1 without an answer; content: JSON, or what went wrong."""

    server: Server
    url: str
    status: int
    content: Any
    started: float
    ended: float

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def netloc(self) -> str:
        return _netloc(self.server)


def ask_all(
    servers: Sequence[Server], paths: Sequence[str], timeout: float
) -> dict[str, list[Reply]]:
    """Replies by path, in the order of servers."""
    told: dict[Server, list[Reply]] = {}
    waiting = list(reversed(servers))

    def work() -> None:
        while True:
            try:
                server = waiting.pop()
            except IndexError:
                return
            told[server] = _ask(server, paths, timeout)

    # Bare threads: concurrent.futures brings logging along, a tenth of what a call costs in all.
    threads = [threading.Thread(target=work) for _ in range(min(_AT_ONCE, len(servers)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {path: [told[server][number] for server in servers] for number, path in enumerate(paths)}


def _ask(server: Server, paths: Sequence[str], timeout: float) -> list[Reply]:
    host = make_host()
    pool = Pool(host, conn_timeout=timeout, read_timeout=timeout)
    caller = Caller(pool, host.clock, timeout=timeout, agent="swiftlite-recon")
    replies: list[Reply] = []
    try:
        for path in paths:
            gone = replies and replies[-1].status == -1
            # A server that is not there is not waited for once more for each check.
            replies.append(
                _again(replies[-1], path) if gone else _ask_one(host, caller, server, path)
            )
    finally:
        pool.close()
    return replies


def _ask_one(host: Host, caller: Caller, server: Server, path: str) -> Reply:
    started = host.clock.wall()
    try:
        if path == SERVER_TYPE:
            answer = caller.call(server, "OPTIONS", "/")
            content: Any = (answer.headers.get("Server") or "").partition("/")[0]
        else:
            answer = caller.call(server, "GET", f"/recon/{path}")
            content = json.loads(answer.body) if answer.status == 200 else None
    except (PeerFault, DeadlinePassed, ValueError) as error:
        return Reply(server, _url(server, path), -1, str(error), started, host.clock.wall())
    if answer.status != 200:
        content = f"HTTP Error {answer.status}"
    return Reply(server, _url(server, path), answer.status, content, started, host.clock.wall())


def _again(reply: Reply, path: str) -> Reply:
    server = reply.server
    return Reply(server, _url(server, path), -1, reply.content, reply.started, reply.ended)


def _url(server: Server, path: str) -> str:
    return f"http://{_netloc(server)}/" + ("" if path == SERVER_TYPE else f"recon/{path}")


def _netloc(server: Server) -> str:
    ip, port = server
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
