"""GET /crossdomain.xml: which sites' Flash and Silverlight programs may read from this cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import standard_answer
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

PATH = "/crossdomain.xml"


@dataclass(frozen=True, slots=True)
class CrossdomainOptions:
    SECTION = "filter:crossdomain"
    cross_domain_policy: str = opt(
        '<allow-access-from domain="*" secure="false" />',
        "The elements of the policy; more lines may follow, indented.",
    )


class Crossdomain:
    """WSGI filter; answers its own path."""

    def __init__(self, app: WsgiApp, options: CrossdomainOptions) -> None:
        self.app = app
        self.body = (
            '<?xml version="1.0"?>\n'
            "<!DOCTYPE cross-domain-policy SYSTEM "
            '"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >\n'
            f"<cross-domain-policy>\n{options.cross_domain_policy}\n</cross-domain-policy>"
        ).encode()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return self.app(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return standard_answer(405, {"Allow": "GET, HEAD"})(environ, start_response)
        headers = {"Content-Type": "application/xml"}
        return Response(200, headers, self.body)(environ, start_response)


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(CrossdomainOptions.SECTION, global_conf, local_conf)
    options = conf.options(CrossdomainOptions)
    register("crossdomain")
    return lambda app: Crossdomain(app, options)
