"""Which scripts in browsers may use a container, as its owner and the operator allow it.

Adds headers to an answer, or answers a preflight OPTIONS; never refuses a request that is not a
preflight, because what to withhold is the browser's decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from swiftlite.infocache import Cors
from swiftlite.vocab.names import text_to_wsgi
from swiftlite.web import Request, Response

_ALWAYS_EXPOSED = (
    "cache-control",
    "content-language",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
    "etag",
    "x-openstack-request-id",
    "x-timestamp",
    "x-trans-id",
)
_METADATA = ("x-container-meta-", "x-object-meta-", "x-account-meta-")


@dataclass(frozen=True, slots=True)
class CorsRules:
    """What holds for every container of the cluster."""

    strict: bool = True
    allow_origin: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()

    def allows(self, cors: Cors, origin: str) -> bool:
        allowed = {*_words(cors.allow_origin), *self.allow_origin}
        return origin in allowed or "*" in allowed


def expose(response: Response, cors: Cors, rules: CorsRules, origin: str) -> None:
    """Tell a browser what a script of this origin may see of an answer."""
    if rules.strict and not rules.allows(cors, origin):
        return
    names = {name.lower() for name, _ in response.headerlist}
    if "access-control-expose-headers" not in names:
        exposed = {*_ALWAYS_EXPOSED, *(name for name in names if name.startswith(_METADATA))}
        exposed |= {name.lower() for name in _words(cors.expose_headers)}
        exposed |= {name.lower() for name in rules.expose_headers}
        listed = ", ".join(sorted(exposed))
        response.headerlist.append(("Access-Control-Expose-Headers", text_to_wsgi(listed)))
    if "access-control-allow-origin" not in names:
        _allow_origin(response, cors, origin)


def preflight(
    request: Request, cors: Cors | None, rules: CorsRules, methods: Sequence[str]
) -> Response:
    """The answer to OPTIONS. cors: of the container; None where there is none to ask (accounts)."""
    allowed = ", ".join(methods)
    origin = request.get_header("Origin")
    if origin is None or cors is None:
        return Response(200, [("Allow", allowed)])
    method = request.get_header("Access-Control-Request-Method")
    if not rules.allows(cors, origin) or method not in methods:
        return Response(401, [("Allow", allowed)])
    response = Response(200, [("Allow", allowed), ("Access-Control-Allow-Methods", allowed)])
    _allow_origin(response, cors, origin)
    if cors.max_age is not None:
        response.headerlist.append(("Access-Control-Max-Age", text_to_wsgi(cors.max_age)))
    wanted = request.get_header("Access-Control-Request-Headers")
    if wanted:
        # Any header that is asked for may be sent; the proxy ignores what it does not know.
        names = sorted({name.strip() for name in wanted.split(",") if name.strip()})
        response.headerlist.append(("Access-Control-Allow-Headers", ", ".join(names)))
        response.headerlist.append(("Vary", "Access-Control-Request-Headers"))
    return response


def _allow_origin(response: Response, cors: Cors, origin: str) -> None:
    if (cors.allow_origin or "").strip() == "*":
        response.headerlist.append(("Access-Control-Allow-Origin", "*"))
        return
    response.headerlist.append(("Access-Control-Allow-Origin", origin))
    response.headerlist.append(("Vary", "Origin"))


def _words(text: str | None) -> Iterable[str]:
    return () if text is None else text.split()
