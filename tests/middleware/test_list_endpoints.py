"""/endpoints/: where things live."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from swiftlite.infocache.info import ContainerInfo
from swiftlite.middleware.list_endpoints import ListEndpoints, ListEndpointsOptions
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ


@dataclass
class Device:
    ip: str
    port: int
    device: str


class OneRing:
    def __init__(self, kind: str) -> None:
        self.kind = kind

    def current(self) -> OneRing:
        return self

    def nodes(self, *names: str | None) -> tuple[int, list[Device]]:
        self.asked = names
        return 7, [Device("10.0.0.1", 6200, "sd1"), Device("::1", 6201, self.kind)]


class Rings:
    account, container = OneRing("account"), OneRing("container")
    objects = (OneRing("object"), OneRing("object-1"))

    def object(self, index: int) -> OneRing:
        if index > 1:
            raise KeyError(index)
        return self.objects[index]


def ask(path: str, method: str = "GET", policy: int = 1) -> Answer:
    app = ListEndpoints(Canned(404), ListEndpointsOptions(), Rings())  # type: ignore[arg-type]
    environ = make_environ(method, path.encode().decode("latin-1"))
    environ["swift.infocache"] = {"container/a/c": ContainerInfo(204, storage_policy=policy)}
    return Answer(app, environ)


def urls(*paths: str) -> list[str]:
    kind, target = paths
    return [f"http://10.0.0.1:6200/sd1/7/{target}", f"http://[::1]:6201/{kind}/7/{target}"]


@pytest.mark.parametrize(
    ("path", "kind", "target"),
    [
        ("a", "account", "a"),
        ("a/", "account", "a"),
        ("a/c", "container", "a/c"),
        ("a/c/ö x", "object-1", "a/c/%C3%B6%20x"),
        ("a/c/o//p", "object-1", "a/c/o//p"),
    ],
)
def test_places(path: str, kind: str, target: str) -> None:
    for version in ("", "v1/", "v1.0/"):
        answer = ask(f"/endpoints/{version}{path}")
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.body) == urls(kind, target)
    for version in ("v2/", "v2.0/"):
        told: Any = json.loads(ask(f"/endpoints/{version}{path}").body)
        assert told["endpoints"] == urls(kind, target)
        headers = {"X-Backend-Storage-Policy-Index": "1"} if kind == "object-1" else {}
        assert told["headers"] == headers


def test_the_policy_is_the_containers() -> None:
    assert "object-1" in ask("/endpoints/a/c/o").body.decode()
    assert "/object/" in ask("/endpoints/a/c/o", policy=0).body.decode()
    assert ask("/endpoints/a/c/o", policy=9).status == 503


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/endpoints/", 400),
        ("GET", "/endpoints/v1/", 400),
        ("GET", "/endpoints//c", 400),
        ("PUT", "/endpoints/a", 405),
        ("GET", "/endpoint/a", 404),
        ("GET", "/v1/a", 404),
    ],
)
def test_other_requests(method: str, path: str, status: int) -> None:
    assert ask(path, method).status == status
