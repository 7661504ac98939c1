"""GET /healthcheck, for load balancers: 200 OK, or 503 while the operator's file is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.host.disk import Disk
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

PATH = "/healthcheck"


@dataclass(frozen=True, slots=True)
class HealthcheckOptions:
    SECTION = "filter:healthcheck"
    disable_path: str = opt(
        "", "While this file exists the answer is 503 DISABLED BY FILE, to drain this proxy."
    )


class Healthcheck:
    """WSGI filter: answers its own path, before any authentication, and passes the rest on."""

    def __init__(self, app: WsgiApp, options: HealthcheckOptions, *, disk: Disk) -> None:
        self.app = app
        self.disable_path = options.disable_path
        self.disk = disk

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return self.app(environ, start_response)
        headers = {"Content-Type": "text/plain"}
        if self.disable_path and self.disk.exists(self.disable_path):
            return Response(503, headers, "DISABLED BY FILE")(environ, start_response)
        return Response(200, headers, "OK")(environ, start_response)


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf("filter:healthcheck", global_conf, local_conf)
    options = conf.options(HealthcheckOptions)
    disk = conf.host.disk
    return lambda app: Healthcheck(app, options, disk=disk)
