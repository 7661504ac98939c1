from __future__ import annotations

from typing import Any

from swiftlite.infocache import Cors
from swiftlite.proxy.cors import CorsRules, expose, preflight
from swiftlite.web import Response
from tests.web.environs import make_request

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT")
OPEN = Cors(allow_origin="*", max_age="60")
TWO = Cors(allow_origin="http://a http://b", expose_headers="X-Foo  X-Bar")


def exposed(cors: Cors, origin: str, rules: CorsRules = CorsRules()) -> dict[str, str]:  # noqa: B008  # immutable
    response = Response(200, [("X-Object-Meta-Color", "red"), ("ETag", "x")])
    expose(response, cors, rules, origin)
    return {name.lower(): value for name, value in response.headerlist}


def test_an_origin_that_the_container_names_may_read() -> None:
    headers = exposed(TWO, "http://b")
    assert headers["access-control-allow-origin"] == "http://b"
    assert headers["vary"] == "Origin"
    names = headers["access-control-expose-headers"].split(", ")
    assert {"x-foo", "x-bar", "x-object-meta-color", "etag", "x-trans-id"} <= set(names)
    assert "access-control-allow-credentials" not in headers


def test_another_origin_is_told_nothing() -> None:
    assert set(exposed(TWO, "http://c")) == {"x-object-meta-color", "etag", "content-length"}


def test_without_strict_mode_every_origin_is_told() -> None:
    headers = exposed(TWO, "http://c", CorsRules(strict=False))
    assert headers["access-control-allow-origin"] == "http://c"


def test_a_star_is_said_as_a_star() -> None:
    assert exposed(OPEN, "http://c")["access-control-allow-origin"] == "*"
    assert "vary" not in exposed(OPEN, "http://c")


def test_the_operator_may_allow_origins_and_headers_everywhere() -> None:
    rules = CorsRules(allow_origin=("http://ops",), expose_headers=("X-Ops",))
    headers = exposed(Cors(), "http://ops", rules)
    assert headers["access-control-allow-origin"] == "http://ops"
    assert "x-ops" in headers["access-control-expose-headers"].split(", ")


def asked(origin: str | None, method: str | None, **more: str) -> dict[str, str]:
    headers: dict[str, Any] = dict(more)
    if origin is not None:
        headers["Origin"] = origin
    if method is not None:
        headers["Access_Control_Request_Method"] = method
    request = make_request("OPTIONS", "/v1/a/c/o", **headers)
    response = preflight(request, TWO, CorsRules(), METHODS)
    found = {name.lower(): value for name, value in response.headerlist}
    found["status"] = str(response.status_int)
    return found


def test_options_without_an_origin_lists_the_methods() -> None:
    found = asked(None, None)
    assert found["status"] == "200"
    assert found["allow"] == "DELETE, GET, HEAD, OPTIONS, POST, PUT"
    assert "access-control-allow-origin" not in found


def test_a_preflight_of_an_allowed_origin_is_granted() -> None:
    found = asked("http://a", "PUT", Access_Control_Request_Headers="X-B, X-A")
    assert found["status"] == "200"
    assert found["access-control-allow-origin"] == "http://a"
    assert found["access-control-allow-methods"] == found["allow"]
    assert found["access-control-allow-headers"] == "X-A, X-B"


def test_a_preflight_of_another_origin_or_method_is_not() -> None:
    assert asked("http://c", "PUT")["status"] == "401"
    assert asked("http://a", "BREW")["status"] == "401"
    assert asked("http://a", None)["status"] == "401"


def test_accounts_have_no_cors() -> None:
    request = make_request("OPTIONS", "/v1/a", Origin="http://a")
    assert preflight(request, None, CorsRules(), METHODS).status_int == 200
