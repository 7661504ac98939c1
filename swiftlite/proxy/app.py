"""The proxy as a WSGI app: which controller a request is for, and whether it may ask.

Authorisation comes first, always: the callback that authentication left is asked before a handler
runs, and again by those handlers that know more (an access list of the container).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import swiftlite
from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.conf import load as load_cluster
from swiftlite.cluster.rings import Rings
from swiftlite.config.load import options as read_options
from swiftlite.config.load import read_conf, unknown_keys
from swiftlite.host.bundle import installed
from swiftlite.infocache import get_container_info
from swiftlite.observe.options import LogOptions, StatsdOptions, open_log
from swiftlite.observe.statsd import Statsd
from swiftlite.proxy.account import AccountController
from swiftlite.proxy.container import ContainerController
from swiftlite.proxy.context import Context
from swiftlite.proxy.cors import expose, preflight
from swiftlite.proxy.info import InfoController
from swiftlite.proxy.obj.controller import ObjectController
from swiftlite.proxy.obj.kinds import KINDS
from swiftlite.proxy.options import PolicyOptions, ProxyOptions, options_of_policy
from swiftlite.proxy.target import Target, target_of
from swiftlite.proxy.verbs import Verbs, allowed, authorise
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.dispatch import guarded
from swiftlite.web.info_registry import register
from swiftlite.web.wsgi import Environ, StartResponse

LOG_NAME = "proxy-server"


class ProxyApp:
    """The end of every proxy pipeline."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._info = InfoController(context.options, context.host.clock.wall)
        self._accounts: Verbs = AccountController(context).verbs
        self._containers: Verbs = ContainerController(context, self).verbs
        self._objects: Verbs = ObjectController(context, self).verbs
        self._denied_hosts = frozenset(context.options.deny_host_headers)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        response = guarded(self._answer, request, self._context.log)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        environ = request.environ
        if environ["PATH_INFO"] == "/info":
            return self._info.answer(request)
        target = target_of(request, self._context.limits)
        if self._denied_hosts:
            host = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST")
            if host in self._denied_hosts:
                raise Refusal(403, "Invalid host header")
        if target.obj is not None:
            verbs = self._objects
        else:
            verbs = self._accounts if target.container is None else self._containers
        origin = environ.get("HTTP_ORIGIN")
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return self._options(request, target, verbs)
        if origin is None or target.container is None:
            return self._authorised(request, target, verbs)
        try:
            response = self._authorised(request, target, verbs)
        except Refusal as refusal:
            response = refusal.response()
        if hasattr(response, "headerlist"):  # an auth filter may deny by any WSGI app
            container = get_container_info(environ, self)
            expose(response, container.cors, self._context.cors, origin)
        return response

    def _authorised(self, request: Request, target: Target, verbs: Verbs) -> Response:
        environ = request.environ
        verb = verbs.get(environ["REQUEST_METHOD"])
        if verb is None or (
            verb.private and not request.true_header("X-Backend-Allow-Private-Methods")
        ):
            raise Refusal(405, None, {"Allow": ", ".join(allowed(verbs))})
        environ.setdefault("swift.orig_req_method", environ["REQUEST_METHOD"])
        callback = environ.get("swift.authorize")
        if callback is None:
            return verb.handler(request, target)
        denial = authorise(request, None)
        if denial is not None:
            return verb.handler(request, target) if verb.asks_again else denial
        if "HTTP_X_COPY_FROM_ACCOUNT" in environ or "HTTP_DESTINATION_ACCOUNT" in environ:
            return verb.handler(request, target)  # there is another account to ask about
        # Whoever may do this without looking closer is not asked again.
        del environ["swift.authorize"]
        try:
            return verb.handler(request, target)
        finally:
            environ["swift.authorize"] = callback

    def _options(self, request: Request, target: Target, verbs: Verbs) -> Response:
        denial = authorise(request, None)
        if denial is not None:
            return denial
        cors = None
        if target.container is not None and "HTTP_ORIGIN" in request.environ:
            cors = get_container_info(request.environ, self).cors
        return preflight(request, cors, self._context.cors, allowed(verbs))


def app_factory(global_conf: Mapping[str, str], **local_conf: str) -> ProxyApp:
    """The paste factory; once per process, with the host that the process installed."""
    conf = {**global_conf, **local_conf}
    file = global_conf.get("__file__", "")
    where = f"{file or 'configuration'} [{ProxyOptions.SECTION}]"
    options = read_options(ProxyOptions, conf, where=where)
    host = installed()
    log = open_log(read_options(LogOptions, conf, where=where), LOG_NAME, wall=host.clock.wall)
    known = (*_names(LogOptions), *_names(StatsdOptions), *global_conf)
    for key, near in unknown_keys(ProxyOptions, local_conf, known=known):
        log.warning(f"{where}: no option is called {key}{f'; {near} is one' if near else ''}")
    statsd = Statsd(
        read_options(StatsdOptions, conf, where=where), LOG_NAME, random=host.entropy.random
    )
    cluster = load_cluster(options.swift_dir)
    rings = Rings(cluster, host.clock, log=log)
    for policy in cluster.policies:
        if policy.kind not in KINDS:
            log.warning(
                f"storage policy {policy.name} is of type {policy.kind}, which this proxy does not"
                " serve: its objects are answered 503"
            )
    of_policies = _of_policies(file, options, cluster)
    publish_info(options, cluster)
    return ProxyApp(
        Context(host, options, cluster, rings, log, of_policies=of_policies, statsd=statsd)
    )


def publish_info(options: ProxyOptions, cluster: ClusterConf) -> None:
    """Put the section `swift` of /info together."""
    limits = cluster.limits
    facts: dict[str, Any] = {name: getattr(limits, name) for name in limits.__dataclass_fields__}
    facts["valid_api_versions"] = list(limits.valid_api_versions)
    register(
        "swift",
        version=swiftlite.__version__,
        strict_cors_mode=options.strict_cors_mode,
        policies=[policy.info() for policy in cluster.policies if not policy.deprecated],
        allow_account_management=options.allow_account_management,
        account_autocreate=options.account_autocreate,
        allow_open_expired=options.allow_open_expired,
        **facts,
    )


def _of_policies(
    file: str, options: ProxyOptions, cluster: ClusterConf
) -> dict[int, PolicyOptions]:
    """What the file says that the pipeline came from."""
    if not file:
        return {}
    conf = read_conf(file)
    return {
        policy.index: options_of_policy(options, conf, policy.index) for policy in cluster.policies
    }


def _names(table: type) -> tuple[str, ...]:
    return tuple(getattr(table, "__dataclass_fields__", ()))
