"""GET /endpoints/…: on which devices an account, a container or an object lives, as URLs.

For programs that run beside the storage and want to read locally. Version 1 answers a list,
version 2 also the headers that a request to such a URL needs. Stand it left of authentication
only where clients may know the inside.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from swiftlite.cluster.rings import Rings
from swiftlite.config.option import opt
from swiftlite.host.net import render_address
from swiftlite.infocache import get_container_info
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.ring import Ring
from swiftlite.vocab.names import quote_path, split_path
from swiftlite.web.refusals import Refusal, standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "LE"
VERSIONS = {"v1": 1, "v1.0": 1, "v2": 2, "v2.0": 2}


def _path(text: str) -> str:
    return f"/{text.strip('/')}/"


@dataclass(frozen=True, slots=True)
class ListEndpointsOptions:
    SECTION = "filter:list-endpoints"
    list_endpoints_path: str = opt("/endpoints/", "Path below which the answers are.", parse=_path)


class ListEndpoints:
    """WSGI filter; answers below its own path."""

    def __init__(self, app: WsgiApp, options: ListEndpointsOptions, rings: Rings) -> None:
        self.app = app
        self.path = options.list_endpoints_path
        self.rings = rings

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(self.path):
            return self.app(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return standard_answer(405, {"Allow": "GET, HEAD"})(environ, start_response)
        try:
            answer = self._endpoints(Request(environ))
        except Refusal as refusal:
            answer = refusal.response()
        return answer(environ, start_response)

    def _endpoints(self, request: Request) -> Response:
        """The answer for what the path names. Raises Refusal."""
        rest = "/" + request.path_text[len(self.path) :]
        version = VERSIONS.get(rest.split("/", 2)[1])
        if version is not None:
            rest = rest[len(rest.split("/", 2)[1]) + 1 :]
        try:
            account, container, obj = split_path(rest, 1, 3, rest=True)
        except ValueError:
            raise Refusal(
                400, f"The path must be {self.path}[v1|v2/]<account>[/<container>[/<object>]]."
            ) from None
        assert account is not None
        ring, headers = self._ring(request, account, container or None, obj or None)
        partition, devices = ring.nodes(account, container or None, obj or None)
        target = quote_path("/".join(part for part in (account, container, obj) if part))
        urls = [
            f"http://{render_address((device.ip, device.port))}/{quote_path(device.device)}/"
            f"{partition}/{target}"
            for device in devices
        ]
        told: Any = {"endpoints": urls, "headers": headers} if version == 2 else urls
        return Response(200, {"Content-Type": "application/json"}, json.dumps(told))

    def _ring(
        self, request: Request, account: str, container: str | None, obj: str | None
    ) -> tuple[Ring, dict[str, str]]:
        """The ring that places it, and the headers that its servers want."""
        if container is None:
            return self.rings.account.current(), {}
        if obj is None:
            return self.rings.container.current(), {}
        # The info's own request needs a path of the object API.
        environ = request.environ.copy()
        environ["PATH_INFO"] = "/v1/x"
        info = get_container_info(
            environ, self.app, account=account, container=container, source=SOURCE
        )
        index = info.storage_policy
        try:
            ring = self.rings.object(index).current()
        except KeyError:
            raise Refusal(503, f"There is no storage policy of index {index} here.") from None
        return ring, {"X-Backend-Storage-Policy-Index": str(index)}


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(ListEndpointsOptions.SECTION, global_conf, local_conf)
    options = conf.options(ListEndpointsOptions)
    rings = Rings(conf.cluster, conf.host.clock, log=conf.log())
    return lambda app: ListEndpoints(app, options, rings)
