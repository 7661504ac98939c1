"""The object server as a WSGI app, and the paste factory that makes it from a conf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from swiftlite import __version__
from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.conf import load as load_cluster
from swiftlite.config.load import options as read_options
from swiftlite.config.load import unknown_keys
from swiftlite.host.bundle import Host, installed
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.delete import delete
from swiftlite.obj.server.get import get
from swiftlite.obj.server.metadata import AllowedHeaders
from swiftlite.obj.server.post import post
from swiftlite.obj.server.put import put
from swiftlite.obj.server.replicate import replicate
from swiftlite.obj.server.rows import RowSender
from swiftlite.obj.server.ssync import Slots, ssync
from swiftlite.obj.server.updates import Updates
from swiftlite.objectstore.api import (
    Collision,
    Damaged,
    DeviceUnavailable,
    Garbled,
    NoSpace,
    StoreError,
    Superseded,
    Unsettled,
    XattrsUnsupported,
)
from swiftlite.objectstore.manager import Manager
from swiftlite.observe.log import Log
from swiftlite.observe.options import LogOptions, StatsdOptions, open_log
from swiftlite.observe.statsd import Statsd
from swiftlite.peers.pool import Pool
from swiftlite.vocab.headers import X_BACKEND_TIMESTAMP
from swiftlite.vocab.names import check_utf8
from swiftlite.web import Dispatcher, Refusal, Request, Response
from swiftlite.web.server_log import request_line
from swiftlite.web.wsgi import Environ, StartResponse

LOG_NAME = "object-server"
STATUS_OF: dict[type[StoreError], int] = {
    DeviceUnavailable: 507,
    NoSpace: 507,
    XattrsUnsupported: 507,
    Collision: 403,
    Unsettled: 503,
    Damaged: 404,
    Garbled: 422,
}
_OUR_FAULT = frozenset((500, 503, 507))
_OF_REPLICATION = ("REPLICATE", "SSYNC")
Handler = Callable[[ServerContext, Request], Response]


class ObjectServer:
    """WSGI app over one store."""

    def __init__(
        self, host: Host, options: ObjectServerOptions, cluster: ClusterConf, log: Log,
        statsd: Statsd | None = None,
    ) -> None:  # fmt: skip
        self.host = host
        self.options = options
        self.log = log
        self._conversations = Slots(options.replication_concurrency)
        self.statsd = statsd or Statsd(StatsdOptions(), LOG_NAME, random=host.entropy.random)
        manager = Manager(
            host, options.store_settings(), cluster.hash_path, log, self.statsd.increment
        )
        pool = Pool(host, conn_timeout=options.conn_timeout, read_timeout=options.node_timeout)
        sender = RowSender(
            host, pool, log,
            node_timeout=options.node_timeout, patience=options.container_update_timeout,
            together=options.send_rows_together,
        )  # fmt: skip
        updates = Updates(
            sender, manager, log,
            pid=host.process.pid, divisor=options.expiring_objects_container_divisor,
        )  # fmt: skip
        allowed = AllowedHeaders(options.allowed_headers)
        self.context = ServerContext(
            host, options, manager, cluster.policies, cluster.limits, allowed, updates
        )
        handlers: dict[str, Handler] = {
            "GET": get, "HEAD": get, "PUT": put, "POST": post, "DELETE": delete,
        }  # fmt: skip
        if options.replication_server:
            handlers["REPLICATE"] = replicate
            handlers["SSYNC"] = self._ssync
        methods: dict[str, Callable[[Request], Response]] = {
            verb: partial(self._translated, handler) for verb, handler in handlers.items()
        }
        methods["OPTIONS"] = self._options
        self.dispatcher = Dispatcher(methods, log=log)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        monotonic = self.host.clock.monotonic
        start = monotonic()
        request = Request(environ)
        response = self._answer(request)
        took = monotonic() - start
        verb: str = environ["REQUEST_METHOD"]
        if self.options.log_requests:
            self._log_request(request, response, took)
        if self.statsd.enabled:
            failed = response.status_int in _OUR_FAULT
            self.statsd.timing(f"{verb}.errors.timing" if failed else f"{verb}.timing", took)
        if verb == "DELETE" and took > self.options.slow_delete_log_threshold_seconds > 0:
            self.log.warning(f"DELETE took {took:.1f} s: {environ.get('RAW_PATH_INFO', '')}")
        if self.options.slow > took and verb in ("PUT", "DELETE"):
            self.host.tasks.sleep(self.options.slow - took)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        path: str = request.environ["PATH_INFO"]
        if not path.isascii() or "\0" in path:
            try:
                usable = check_utf8(request.path_text, internal=True)
            except Refusal:
                usable = False
            if not usable:
                return Refusal(412, "The path is not valid UTF-8.").response()
        return self.dispatcher.answer(request)

    def _translated(self, handler: Handler, request: Request) -> Response:
        """The one border between the store's errors and statuses."""
        try:
            return handler(self.context, request)
        except Superseded as error:
            headers = {X_BACKEND_TIMESTAMP: error.timestamp.internal}
            raise Refusal(409, None, headers) from error
        except StoreError as error:
            status = STATUS_OF[type(error)]
            if status in _OUR_FAULT:
                self.log.bind(request.trans_id).error(f"{request.verb}: {error}")
            raise Refusal(status) from error

    def _ssync(self, context: ServerContext, request: Request) -> Response:
        return ssync(context, request, self._conversations, self.dispatcher.answer)

    def _options(self, request: Request) -> Response:
        headers = {"Allow": self.dispatcher.allow, "Server": f"{LOG_NAME}/{__version__}"}
        return Response(200, headers)

    def _log_request(self, request: Request, response: Response, took: float) -> None:
        line = request_line(request, response, took, self.host.clock.wall())
        environ = request.environ
        if "HTTP_X_BACKEND_REPLICATION" in environ or request.verb in _OF_REPLICATION:
            self.log.debug(line)
        else:
            self.log.info(line)


def app_factory(global_conf: Mapping[str, str], **local_conf: str) -> ObjectServer:
    """The paste factory; the host is the one that the process installed."""
    conf = {**global_conf, **local_conf}
    where = f"{global_conf.get('__file__', 'configuration')} [{ObjectServerOptions.SECTION}]"
    options = read_options(ObjectServerOptions, conf, where=where)
    host = installed()
    log_options = read_options(LogOptions, conf, where=where)
    log = open_log(log_options, LOG_NAME, wall=host.clock.wall)
    for key, near in unknown_keys(
        (ObjectServerOptions, LogOptions, StatsdOptions), local_conf, known=global_conf
    ):
        log.warning(f"{where}: no option is called {key}{f'; {near} is one' if near else ''}")
    statsd = Statsd(
        read_options(StatsdOptions, conf, where=where), LOG_NAME, random=host.entropy.random
    )
    cluster = load_cluster(options.swift_dir)
    return ObjectServer(host, options, cluster, log, statsd)
