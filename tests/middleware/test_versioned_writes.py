"""The older kind of versioning, over a proxy in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from swiftlite.infocache.info import ContainerInfo
from swiftlite.middleware.versions import VersionedWrites
from swiftlite.middleware.versions.filter import VersionedWritesOptions
from swiftlite.middleware.versions.names import is_delete_marker, version_name, version_prefix
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.parts import Canned, SetClock
from tests.web.environs import Answer, make_environ

PATH = "/v1/a/c/ö"


class Reversing(FakeSwift):
    """FakeSwift that lists backwards, and whose objects have times one second apart."""

    now = 1_700_000_000

    def _put(self, request: Request, path: str) -> Response:
        answer = super()._put(request, path)
        if path in self.objects:
            self.now += 1
            self.objects[path].modified = self.now
        return answer

    def _list(self, request: Request, path: str) -> Response:
        answer = super()._list(request, path)
        params = request.params_text
        if answer.status_int != 200 or params.get("reverse") != "on":
            return answer
        prefix = quote_path(params.get("prefix", ""), safe="")
        request.environ["QUERY_STRING"] = f"format=json&prefix={prefix}"
        rows = json.loads(b"".join(super()._list(request, path).app_iter))[::-1]
        marker = params.get("marker")
        if marker:
            rows = [row for row in rows if row["name"] < marker]
        rows = rows[: int(params.get("limit", "10000"))]
        return Response(200, {"Content-Type": "application/json"}, json.dumps(rows))


class World:
    def __init__(
        self, mode: str | None = "stack", *, allowed: bool = True, old: bool = False
    ) -> None:
        self.swift = Reversing()
        self.clock = SetClock()
        self.app = VersionedWrites(
            self.swift, VersionedWritesOptions(allowed), Limits(), clock=self.clock
        )
        self.swift.containers.update({"/a/c": {}, "/a/old ü": {}})
        sysmeta = {"versions-location": "old%20%C3%BC", "versions-mode": mode or ""}
        self.info = ContainerInfo(204, sysmeta=sysmeta if mode and not old else {}, write_acl="w")
        if old:
            self.info = ContainerInfo(204, versions="old%20%C3%BC")

    def __call__(self, method: str, body: bytes = b"", path: str = PATH, **more: Any) -> Answer:  # noqa: ANN401  # strings
        authorize = more.pop("authorize", None)
        environ = make_environ(method, path.encode().decode("latin-1"), body=body, **more)
        environ["swift.infocache"] = {"container/a/c": self.info}
        if authorize:
            environ["swift.authorize"] = authorize
        self.clock.seconds = float(self.swift.now + 1)
        return Answer(self.app, environ)

    def versions(self) -> list[bytes]:
        return [
            stored.body
            for name, stored in sorted(self.swift.objects.items())
            if name.startswith("/a/old ü/")
        ]

    def current(self) -> bytes | None:
        stored = self.swift.objects.get("/a/c/ö")
        return stored.body if stored else None


def test_names_of_versions() -> None:
    assert version_prefix("ö") == "002ö/"
    assert version_prefix("x" * 300) == "12c" + "x" * 300 + "/"
    assert version_name("o", Timestamp.from_text("12.5")) == "001o/0000000012.50000"
    assert is_delete_marker("application/x-deleted;swift_versions_deleted=1")
    assert is_delete_marker("application/x-deleted; swift_versions_deleted=1")
    assert not is_delete_marker("text/plain")


# The stack


def test_an_overwritten_object_is_kept_with_all_that_it_has() -> None:
    world = World()
    world("PUT", b"one", Content_Type="text/x", X_Object_Meta_Color="red")
    made = world.swift.objects["/a/c/ö"].modified
    assert world.versions() == []
    assert world("PUT", b"two").status == 201
    kept = world.swift.objects[f"/a/old ü/002ö/{made}.00000"]
    assert kept.body == b"one"
    assert kept.headers == {"Content-Type": "text/x", "X-Object-Meta-Color": "red"}
    assert world.current() == b"two"
    assert world.swift.open == 0


def test_a_delete_brings_the_newest_version_back() -> None:
    world = World()
    for body in (b"one", b"two", b"three"):
        world("PUT", body)
    assert world("DELETE").status == 204
    assert (world.current(), world.versions()) == (b"two", [b"one"])
    world("DELETE")
    assert (world.current(), world.versions()) == (b"one", [])
    world("DELETE")
    assert world.current() is None
    assert world("DELETE").status == 404
    assert world.swift.open == 0


def test_a_version_that_is_listed_but_gone_is_passed_over() -> None:
    world = World()
    for body in (b"one", b"two", b"three"):
        world("PUT", body)
    newest = max(name for name in world.swift.objects if "/old" in name)
    world.swift.answers["GET", f"/v1{newest}"] = 404
    world("DELETE")
    assert world.current() == b"one"


def test_other_objects_versions_are_not_mistaken_for_ours() -> None:
    world = World()
    world("PUT", b"one", path="/v1/a/c/ö/x")
    world("PUT", b"two", path="/v1/a/c/ö/x")
    world("PUT", b"plain")
    world("DELETE")
    assert world.current() is None
    assert world.versions() == [b"one"]


def test_manifests_are_not_kept() -> None:
    world = World()
    world("PUT", b"", X_Object_Manifest="c/p")
    world("PUT", b"two")
    assert world.versions() == []


def test_large_objects_manifests_are_kept_as_they_are() -> None:
    world = World()
    world("PUT", b"[]", X_Static_Large_Object="True", X_Object_Sysmeta_Slo_Etag="e")
    world("PUT", b"two")
    (kept,) = (stored for name, stored in world.swift.objects.items() if "old" in name)
    assert kept.headers["X-Object-Sysmeta-Slo-Etag"] == "e"
    assert kept.headers["X-Static-Large-Object"] == "True"


# History


def test_a_history_keeps_deletions_too() -> None:
    world = World("history")
    world("PUT", b"one")
    world("PUT", b"two")
    assert world("DELETE").status == 204
    assert world.current() is None
    assert world.versions() == [b"one", b"two", b""]
    marks = [s.content_type for s in world.swift.objects.values() if not s.body]
    assert marks == ["application/x-deleted;swift_versions_deleted=1"]
    world("PUT", b"three")
    assert (world.current(), len(world.versions())) == (b"three", 3)


def test_a_stack_over_a_history_stops_at_its_marks() -> None:
    world = World("history")
    world("PUT", b"one")
    world("DELETE")
    world("PUT", b"two")
    world.info = World().info
    world("DELETE")
    assert world.current() is None, "back to what the mark stands for"
    assert world.versions() == [b"one", b""]
    world("DELETE")
    assert (world.current(), world.versions()) == (b"one", [])


# Faults and rights


def test_without_its_archive_nothing_is_overwritten() -> None:
    world = World()
    world("PUT", b"one")
    del world.swift.containers["/a/old ü"]
    assert world("PUT", b"two").status == 412
    assert world.current() == b"one"
    world.info = World("history").info
    assert world("DELETE").status == 412
    assert world.current() == b"one"


@pytest.mark.parametrize(("inner", "outer"), [(403, 412), (503, 503)])
def test_faults_below_leave_everything_as_it_is(inner: int, outer: int) -> None:
    world = World()
    world("PUT", b"one")
    world.swift.answers["GET", PATH] = inner
    assert world("PUT", b"two").status == outer
    assert world.current() == b"one"


def test_a_version_that_breaks_while_it_is_read_stops_the_write() -> None:
    world = World()
    world("PUT", b"one" * 10)
    world.swift.breaks["/a/c/ö"] = 8
    assert world("PUT", b"two").status in (499, 503)
    assert world.current() == b"one" * 10
    assert world.swift.open == 0


def test_an_object_too_large_to_be_kept_is_not_overwritten() -> None:
    world = World()
    world("PUT", b"one" * 10)
    world.app.limits = Limits(max_file_size=5)
    assert world("PUT", b"two").status == 413
    assert world.current() == b"one" * 10


def test_who_may_not_write_moves_no_versions() -> None:
    world = World()
    world("PUT", b"one")
    world("PUT", b"two")

    def authorize(request: Request) -> Response | None:
        return standard_answer(403) if getattr(request, "acl", None) == "w" else None

    before = dict(world.swift.objects)
    for method in ("PUT", "DELETE"):
        world.swift.calls.clear()
        assert world(method, b"x", authorize=authorize).status == 403
        assert world.swift.calls == []
    assert world.swift.objects == before


# Choosing


def test_choosing_an_archive_needs_the_operators_leave() -> None:
    for allowed, status in ((True, 201), (False, 412)):
        app = Canned(201)
        filtered = VersionedWrites(app, VersionedWritesOptions(allowed), Limits(), clock=SetClock())
        for header, mode in (("X_Versions_Location", "stack"), ("X_History_Location", "history")):
            headers: dict[str, Any] = {header: "o%20ld"}
            answer = Answer(filtered, make_environ("PUT", "/v1/a/c", **headers))
            assert answer.status == status
            if allowed:
                assert app.last["HTTP_X_CONTAINER_SYSMETA_VERSIONS_LOCATION"] == "o%20ld"
                assert app.last["HTTP_X_CONTAINER_SYSMETA_VERSIONS_MODE"] == mode
                assert f"HTTP_{header.upper()}" not in app.last


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Versions_Location": "a", "X_History_Location": "b"}, 400),
        ({"X_Versions_Location": "a/b"}, 412),
        ({"X_Versions_Location": "a%2Fb"}, 412),
        ({"X_Versions_Location": "%ff"}, 412),
        ({"X_History_Location": "%00"}, 412),
    ],
)
def test_archives_that_cannot_be(headers: dict[str, Any], status: int) -> None:
    filtered = VersionedWrites(
        Canned(201), VersionedWritesOptions(True), Limits(), clock=SetClock()
    )
    assert Answer(filtered, make_environ("POST", "/v1/a/c", **headers)).status == status


@pytest.mark.parametrize(
    "header",
    ["X_Remove_Versions_Location", "X_Remove_History_Location", "X_Versions_Location"],
)
def test_giving_an_archive_up(header: str) -> None:
    app = Canned(204)
    filtered = VersionedWrites(app, VersionedWritesOptions(False), Limits(), clock=SetClock())
    headers: dict[str, Any] = {header: "x" if "Remove" in header else ""}
    Answer(filtered, make_environ("POST", "/v1/a/c", **headers))
    assert app.last["HTTP_X_CONTAINER_SYSMETA_VERSIONS_LOCATION"] == ""
    assert app.last["HTTP_X_CONTAINER_SYSMETA_VERSIONS_MODE"] == ""


@pytest.mark.parametrize(
    ("mode", "header"),
    [
        ("stack", "x-versions-location"),
        ("history", "x-history-location"),
        ("", "x-versions-location"),
    ],
)
def test_an_archive_is_shown(mode: str, header: str) -> None:
    app = Canned(
        204,
        [
            ("X-Container-Sysmeta-Versions-Location", "old"),
            ("X-Container-Sysmeta-Versions-Mode", mode),
        ],
    )
    filtered = VersionedWrites(app, VersionedWritesOptions(True), Limits(), clock=SetClock())
    for path in ("/v1/a/c", "/v1/a/c/"):
        assert Answer(filtered, make_environ("HEAD", path)).headers[header] == "old"


def test_containers_without_an_archive_are_left_alone() -> None:
    for world in (World(None), World(allowed=False)):
        world("PUT", b"one")
        world("PUT", b"two")
        assert world.versions() == []
        assert world.swift.calls == [("PUT", PATH), ("PUT", PATH)]


def test_an_archive_of_long_ago_still_holds() -> None:
    world = World(old=True, allowed=False)
    world("PUT", b"one")
    world("PUT", b"two")
    assert world.versions() == [b"one"]


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", PATH), ("PUT", "/v1/a")])
def test_other_requests_pass(method: str, path: str) -> None:
    world = World()
    world(method, path=path)
    assert len(world.swift.calls) == 1
