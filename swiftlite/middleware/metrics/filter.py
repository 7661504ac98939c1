"""The filter: counts what passes, and answers its own path.

A request's duration is from its head to that of the answer: a body is the client's to take its
time with, and stays as it is, sendfile and all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from swiftlite.cluster import node_metrics
from swiftlite.config.load import ConfError, read_conf
from swiftlite.host.bundle import Host
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.metrics.counts import BOUNDS, Counts, SharedCounts
from swiftlite.middleware.metrics.options import MetricsOptions
from swiftlite.observe.log import Log
from swiftlite.observe.prometheus import CONTENT_TYPE, HISTOGRAM, Family, render
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

_THREADS = "metrics"
_STORAGE = frozenset(("account-server", "container-server", "object-server"))


class Metrics:
    """WSGI filter. stores: this server keeps devices, whose state is told too."""

    def __init__(
        self,
        app: WsgiApp,
        options: MetricsOptions,
        *,
        host: Host,
        log: Log,
        server: str,
        stores: bool,
    ) -> None:
        self.app = app
        self._options = options
        self._host = host
        self._log = log
        self._server = server
        self._stores = stores
        self._monotonic = host.clock.monotonic
        self._shared = self._shared_counts()
        self._counts = self._shared.own if self._shared is not None else Counts()
        self._note = self._counts.note
        self._path = options.path

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == self._path:
            return self._answer()(environ, start_response)
        method, monotonic, note = environ["REQUEST_METHOD"], self._monotonic, self._note
        started: float | None = monotonic()

        def noted(line: str, *more: Any) -> Any:  # noqa: ANN401 - PEP 3333
            nonlocal started
            if started is not None:
                note(method, line, monotonic() - started)
                started = None
            return start_response(line, *more)

        try:
            return self.app(environ, noted)
        except BaseException:
            if started is not None:
                note(method, "500", monotonic() - started)
            raise

    def _answer(self) -> Response:
        families = self._host.tasks.offload(_THREADS, self._families)
        return Response(200, {"Content-Type": CONTENT_TYPE}, render(families))

    def _families(self) -> list[Family]:
        return [self._requests(), *self._told_of_node()]

    def _requests(self) -> Family:
        family = Family(
            "swiftlite_http_request_duration_seconds",
            HISTOGRAM,
            "From a request's head to that of its answer.",
        )
        counts = self._counts
        if self._shared is not None:
            try:
                counts = self._shared.total()
            except OSError as error:
                self._log.warning(f"Counts of other workers cannot be read: {error}")
        for method, kind, buckets, seconds in counts.rows():
            family.add_histogram(
                BOUNDS, buckets, seconds, server=self._server, method=method, status=kind
            )
        return family

    def _told_of_node(self) -> Iterator[Family]:
        disk = self._host.disk
        shared = self._shared
        yield from node_metrics.process(
            disk, [self._host.process.pid] if shared is None else shared.workers()
        )
        if self._stores:
            root = self._options.devices.rstrip("/") or "/"
            yield from node_metrics.devices(disk, root, mount_check=self._options.mount_check)
            yield from node_metrics.daemons(disk, self._options.recon_cache_path)

    def _shared_counts(self) -> SharedCounts | None:
        if not self._options.metrics_dir:
            return None
        try:
            return SharedCounts(self._host, self._options.metrics_dir, self._server)
        except OSError as error:
            self._log.warning(f"Workers cannot share their counts: {error}")
            return None


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf("filter:metrics", global_conf, local_conf)
    server = _server_of(conf.values.get("__file__", ""))
    return partial(
        Metrics,
        options=conf.options(MetricsOptions),
        host=conf.host,
        log=conf.log(),
        server=server,
        stores=server in _STORAGE,
    )


def _server_of(path: str) -> str:
    """The name of the app behind a conf's pipeline; the label of its metrics."""
    try:
        pipeline = read_conf(path).sections["pipeline:main"]["pipeline"]
    except (ConfError, KeyError):  # an app that was put together elsewhere
        pipeline = ""
    return (pipeline.split() or ["server"])[-1]
