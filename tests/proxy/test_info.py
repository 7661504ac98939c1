from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from hashlib import sha1

import pytest

from swiftlite.proxy.info import InfoController
from swiftlite.proxy.options import ProxyOptions
from swiftlite.web import Refusal, Response, info_registry
from tests.web.environs import make_request

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def _facts() -> Iterator[None]:
    info_registry.forget()
    info_registry.register("swift", version="1", valid_api_versions=["v1"])
    info_registry.register("secrets", admin=True, path="x")
    yield
    info_registry.forget()


def answer(method: str = "GET", query: str = "", **settings: object) -> Response:
    options = ProxyOptions(**settings)  # type: ignore[arg-type]  # names of options
    request = make_request(method, "/info", query=query)
    return InfoController(options, lambda: NOW).answer(request)


def refused(method: str = "GET", query: str = "", **settings: object) -> int:
    with pytest.raises(Refusal) as caught:
        answer(method, query, **settings)
    return caught.value.status


def signed(method: str, expires: int, key: str = "k") -> str:
    text = f"{method}\n{expires}\n/info"
    signature = hmac.new(key.encode(), text.encode(), sha1).hexdigest()
    return f"swiftinfo_sig={signature}&swiftinfo_expires={expires}"


def test_anyone_may_read_public_facts() -> None:
    told = json.loads(answer().body)
    assert told == {"swift": {"version": "1"}}
    assert answer().get_header("content-type") == "application/json; charset=UTF-8"


def test_a_signature_opens_the_admin_section() -> None:
    later = int(NOW) + 60
    told = json.loads(answer(query=signed("GET", later), admin_key="k").body)
    assert told["admin"]["secrets"] == {"path": "x"}
    assert answer("HEAD", signed("GET", later), admin_key="k").status_int == 200
    assert answer("HEAD", signed("HEAD", later), admin_key="k").status_int == 200


def test_signatures_that_do_not_hold() -> None:
    later = int(NOW) + 60
    assert refused(query=signed("GET", later)) == 403  # there is no key
    assert refused(query=signed("GET", later, "x"), admin_key="k") == 401
    assert refused(query=signed("HEAD", later), admin_key="k") == 401
    assert refused(query=signed("GET", int(NOW) - 1), admin_key="k") == 401
    for expires in ("x", "%C2%B2", "", "-1", "9" * 30):
        query = f"swiftinfo_sig=00&swiftinfo_expires={expires}"
        assert refused(query=query, admin_key="k") == 401
    query = f"swiftinfo_sig=%C3%BC&swiftinfo_expires={later}"
    assert refused(query=query, admin_key="k") == 401


def test_other_methods_and_a_hidden_page() -> None:
    assert answer("OPTIONS").get_header("allow") == "GET, HEAD, OPTIONS"
    assert refused("PUT") == 405
    assert refused(expose_info=False) == 403
