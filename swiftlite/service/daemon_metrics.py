"""GET /metrics of a process of daemons, at a port of its own: its passes, its node, itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from swiftlite.cluster import node_metrics
from swiftlite.host.bundle import Host
from swiftlite.host.net import Listener, render_address
from swiftlite.httpd.acceptor import Acceptor, serve
from swiftlite.httpd.limits import HttpLimits
from swiftlite.observe.log import Log
from swiftlite.observe.prometheus import CONTENT_TYPE, COUNTER, GAUGE, Family, render
from swiftlite.service.progress import Progress

PATH = "/metrics"
_THREADS = "metrics"
_AGAIN_S = 10.0
_LIMITS = HttpLimits(max_clients=16, client_timeout=10.0, head_timeout=10.0)


@dataclass(frozen=True, slots=True)
class Node:
    """Where a node's daemons leave their recon caches, and where its devices are; None: the daemons
    belong to no storage node. mount_check: devices are file systems of their own."""

    recon_cache_path: str
    devices: str | None = None
    mount_check: bool = True


class MetricsPage:
    """WSGI app. daemons: of this process, by name."""

    def __init__(self, host: Host, daemons: Mapping[str, Progress], node: Node) -> None:
        self._host = host
        self._daemons = daemons
        self._node = node

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET":
            return _refuse(start_response, "405 Method Not Allowed", ("Allow", "GET"))
        if environ["PATH_INFO"] != PATH:
            return _refuse(start_response, "404 Not Found")
        page = render(self._host.tasks.offload(_THREADS, lambda: list(self._families())))
        start_response(
            "200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(page)))]
        )
        return [page]

    def _families(self) -> Iterator[Family]:
        disk = self._host.disk
        yield from passes(self._daemons)
        yield from node_metrics.process(disk, [self._host.process.pid])
        node = self._node
        if node.devices is not None:
            yield from node_metrics.devices(disk, node.devices, mount_check=node.mount_check)
        yield from node_metrics.daemons(disk, node.recon_cache_path)


def passes(daemons: Mapping[str, Progress]) -> Iterator[Family]:
    steps = Family(
        "swiftlite_daemon_steps_total", COUNTER, "Units of work: a partition, a database, a batch."
    )
    failures = Family(
        "swiftlite_daemon_step_failures_total", COUNTER, "Steps that broke off by an error."
    )
    working = Family(
        "swiftlite_daemon_working_seconds_total", COUNTER, "Time that was spent on steps."
    )
    last = Family(
        "swiftlite_daemon_last_step_timestamp_seconds", GAUGE, "When a step last came to its end."
    )
    for name, progress in daemons.items():
        steps.add(progress.steps, daemon=name)
        failures.add(progress.failures, daemon=name)
        working.add(progress.working, daemon=name)
        last.add(progress.last or None, daemon=name)
    yield from (steps, failures, working, last)


def _refuse(
    start_response: Callable[..., Any], status: str, *headers: tuple[str, str]
) -> list[bytes]:
    text = f"{status.partition(' ')[2]}. There is {PATH} here.\n".encode()
    start_response(
        status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text))), *headers]
    )
    return [text]


def tell_metrics(page: MetricsPage, host: Host, log: Log, address: tuple[str, int]) -> Acceptor:
    """Serve the page there once the port can be had. A daemon works with or without it."""
    return serve(_listen(host, log, address), page, host=host, limits=_LIMITS, log=log)


def _listen(host: Host, log: Log, address: tuple[str, int]) -> Listener:
    fault = ""
    while True:
        try:
            return host.net.listen(address, backlog=16)
        except OSError as error:
            if str(error) != fault:  # the same every few seconds helps nobody
                log.warning(f"{PATH} cannot be told at {render_address(address)}: {error}")
            fault = str(error)
        host.tasks.sleep(_AGAIN_S)
