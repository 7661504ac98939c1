from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from swiftlite.config.load import ConfError
from swiftlite.host import bundle, plain
from swiftlite.service.internal_client import InternalClient, UnexpectedAnswer


class Proxy:
    """Answers with statuses in turn, the last one for ever; bodies by path."""

    def __init__(self, *statuses: int, bodies: dict[str, list[str]] | None = None) -> None:
        self.statuses = list(statuses)
        self.bodies = bodies or {}
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        self.environs.append(environ)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        body = b""
        if environ["PATH_INFO"] in self.bodies:
            marker = environ["QUERY_STRING"].partition("marker=")[2].partition("&")[0]
            names = [n for n in self.bodies[environ["PATH_INFO"]] if n > marker][:2]
            body = json.dumps([{"name": name} for name in names]).encode()
        start_response(f"{status} X", [("Content-Length", str(len(body))), ("X-Answer", "yes")])
        return [body]


def client_of(proxy: Proxy, tries: int = 3) -> tuple[InternalClient, list[float]]:
    pauses: list[float] = []
    return InternalClient(proxy, "Our Daemon", tries=tries, pause=pauses.append), pauses


def test_a_request_is_the_clusters_own() -> None:
    proxy = Proxy(204)
    client, _ = client_of(proxy)
    answer = client.request("DELETE", "ä", "c", "o/1", headers={"X-Timestamp": "1"})
    assert answer.status == 204
    assert answer.headers["x-answer"] == "yes"
    (environ,) = proxy.environs
    assert environ["PATH_INFO"] == "/v1/Ã¤/c/o/1"
    assert environ["RAW_PATH_INFO"] == "/v1/%C3%A4/c/o/1"
    assert environ["HTTP_X_TIMESTAMP"] == "1"
    assert environ["HTTP_X_BACKEND_ALLOW_RESERVED_NAMES"] == "true"
    assert environ["HTTP_USER_AGENT"] == "Our Daemon"
    assert environ["swift.authorize_override"] is True


def test_its_requests_take_the_replication_network_where_that_is_wished() -> None:
    key = "HTTP_X_BACKEND_USE_REPLICATION_NETWORK"
    proxy = Proxy(204)
    client_of(proxy)[0].request("DELETE", "a")
    client = InternalClient(
        proxy, "Our Daemon", tries=1, pause=lambda _: None, replication_network=True
    )
    client.request("DELETE", "a")
    assert [environ.get(key) for environ in proxy.environs] == [None, "true"]


def test_what_fails_on_the_clusters_side_is_tried_again() -> None:
    proxy = Proxy(503, 500, 204)
    client, pauses = client_of(proxy)
    assert client.request("DELETE", "a", "c", "o").status == 204
    assert pauses == [2.0, 4.0]


def test_after_so_many_tries_the_answer_is_an_error() -> None:
    proxy = Proxy(503)
    client, _ = client_of(proxy, tries=2)
    with pytest.raises(UnexpectedAnswer) as caught:
        client.request("GET", "a")
    assert caught.value.status == 503
    assert len(proxy.environs) == 2


def test_an_answer_that_is_allowed_is_no_error_and_a_4xx_is_not_asked_for_again() -> None:
    proxy = Proxy(404)
    client, pauses = client_of(proxy)
    assert client.request("GET", "a", allowed=lambda status: status == 404).status == 404
    with pytest.raises(UnexpectedAnswer):
        client.request("GET", "a")
    assert pauses == []


def test_a_listing_goes_on_page_by_page() -> None:
    proxy = Proxy(200, bodies={"/v1/a/c": ["a", "b", "c", "d", "e"]})
    client, _ = client_of(proxy)
    assert [entry["name"] for entry in client.listing("a", "c")] == ["a", "b", "c", "d", "e"]


def test_a_listing_of_what_is_not_there_is_empty() -> None:
    client, _ = client_of(Proxy(404))
    assert list(client.listing("a")) == []


def test_a_pipeline_with_gatekeeper_is_refused(tmp_path: Path) -> None:
    (tmp_path / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    conf = tmp_path / "internal-client.conf"
    conf.write_text(
        "[DEFAULT]\n"
        f"swift_dir = {tmp_path}\n"
        "[pipeline:main]\npipeline = catch_errors gatekeeper proxy-server\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\n"
        "[filter:catch_errors]\nuse = egg:swift#catch_errors\n"
        "[filter:gatekeeper]\nuse = egg:swift#gatekeeper\n"
    )
    bundle.install(plain.make_host())
    with pytest.raises(ConfError, match="gatekeeper must not be"):
        InternalClient.load(str(conf), "x", tries=1, pause=lambda _: None, defaults={})
