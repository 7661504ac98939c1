"""Symbolic links over a proxy in memory."""

from __future__ import annotations

import json
from hashlib import md5
from typing import Any

import pytest

from swiftlite.middleware.symlink import Symlinks
from swiftlite.middleware.symlink.filter import SymlinkOptions
from swiftlite.vocab.names import quote_path
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ

BODY = b"The quick brown fox"
ETAG = md5(BODY).hexdigest()
EMPTY = md5(b"").hexdigest()


class World:
    def __init__(self, hops: int = 2) -> None:
        self.swift = FakeSwift()
        self.app = Symlinks(self.swift, SymlinkOptions(hops))
        self.swift.put("/a/c/ö/x", BODY, Content_Type="text/fox")
        self.swift.put("/b/d/far", b"far away")
        self.swift.containers["/a/l"] = {}

    def __call__(
        self,
        method: str = "GET",
        path: str = "/v1/a/l/link",
        query: str = "",
        **headers: Any,  # noqa: ANN401  # strings
    ) -> Answer:
        return Answer(self.app, make_environ(method, path, query=query, **headers))

    def link(self, target: str = "c/ö/x", path: str = "/v1/a/l/link", **headers: Any) -> Answer:  # noqa: ANN401  # strings
        return self("PUT", path, X_Symlink_Target=quote_path(target), **headers)


@pytest.fixture
def world() -> World:
    return World()


def test_a_link_is_an_object_with_sysmeta(world: World) -> None:
    assert world.link().status == 201
    stored = world.swift.objects["/a/l/link"]
    assert stored.body == b""
    assert stored.headers == {
        "Content-Type": "application/symlink",
        "X-Object-Sysmeta-Symlink-Target": "c/%C3%B6/x",
        "X-Object-Sysmeta-Container-Update-Override-Etag": f"{EMPTY}; symlink_target=c/%C3%B6/x",
    }


def test_a_link_is_followed(world: World) -> None:
    world.link(X_Object_Meta_Color="red")
    for method in ("GET", "HEAD"):
        answer = world(method)
        assert answer.status == 200
        assert answer.body == (BODY if method == "GET" else b"")
        assert answer.headers["etag"] == ETAG
        assert answer.headers["content-type"] == "text/fox"
        assert answer.headers["content-location"] == "/v1/a/c/%C3%B6/x"
        assert "x-object-meta-color" not in answer.headers
    assert world.swift.open == 0


def test_the_link_itself(world: World) -> None:
    world.link(Content_Type="text/link")
    answer = world(query="symlink=get")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-symlink-target"] == "c/%C3%B6/x"
    assert answer.headers["content-type"] == "text/link"
    assert "x-symlink-target-account" not in answer.headers


def test_ranges_and_conditions_are_about_the_target(world: World) -> None:
    world.link()
    assert world(Range="bytes=4-8").body == b"quick"
    assert world(Range="bytes=4-8").status == 206
    assert world(If_None_Match="other").body == BODY
    assert world(Range="bytes=999-").status == 416
    assert world.swift.open == 0


def test_a_link_into_another_account(world: World) -> None:
    world.link("d/far", X_Symlink_Target_Account="b")
    answer = world()
    assert answer.body == b"far away"
    assert answer.headers["content-location"] == "/v1/b/d/far"
    assert world(query="symlink=get").headers["x-symlink-target-account"] == "b"
    world.link("c/ö/x", X_Symlink_Target_Account="a")
    assert world(query="symlink=get").headers["x-symlink-target-account"] == "a"


def test_links_may_point_at_links_within_bounds(world: World) -> None:
    world.link(path="/v1/a/l/1")
    world.link("l/1", "/v1/a/l/2")
    world.link("l/2", "/v1/a/l/3")
    assert world(path="/v1/a/l/2").body == BODY
    assert world(path="/v1/a/l/3").status == 409
    world.link("l/loop", "/v1/a/l/loop2")
    world.link("l/loop2", "/v1/a/l/loop")
    assert world(path="/v1/a/l/loop").status == 409
    assert world.swift.open == 0


def test_links_of_filters_are_not_counted(world: World) -> None:
    world.link(path="/v1/a/l/1")
    world.link("l/1", "/v1/a/l/2", X_Object_Sysmeta_Symloop_Extend="true")
    world.link("l/2", "/v1/a/l/3")
    assert world(path="/v1/a/l/3").body == BODY


def test_a_link_across_accounts_leads_on_from_there(world: World) -> None:
    world.swift.containers["/b/l"] = {}
    world.link("d/far", "/v1/b/l/there")
    world.link("l/there", X_Symlink_Target_Account="b")
    assert world().headers["content-location"] == "/v1/b/d/far"


def test_a_link_to_nowhere(world: World) -> None:
    assert world.link("c/none").status == 201
    answer = world()
    assert answer.status == 404
    assert answer.headers["content-location"] == "/v1/a/c/none"


def test_targets_are_authorised_on_their_own(world: World) -> None:
    world.link()

    def authorize(request: Request) -> Response | None:
        return standard_answer(403) if "/c/" in request.path_text else None

    environ = make_environ("GET", "/v1/a/l/link")
    environ["swift.authorize"] = authorize
    assert Answer(world.app, environ).status == 403


# Static links


def test_a_static_link_says_what_it_points_at(world: World) -> None:
    answer = world.link(X_Symlink_Target_Etag=f'"{ETAG}"')
    assert answer.status == 201
    assert world.swift.objects["/a/l/link"].headers == {
        "Content-Type": "text/fox",
        "X-Object-Sysmeta-Symlink-Target": "c/%C3%B6/x",
        "X-Object-Sysmeta-Symlink-Target-Etag": ETAG,
        "X-Object-Sysmeta-Symlink-Target-Bytes": "19",
        "X-Object-Sysmeta-Container-Update-Override-Etag": (
            f"{EMPTY}; symlink_target=c/%C3%B6/x; symlink_target_etag={ETAG}; "
            "symlink_target_bytes=19"
        ),
    }
    assert world().body == BODY
    shown = world(query="symlink=get").headers
    assert shown["x-symlink-target-etag"] == ETAG
    assert shown["x-symlink-target-bytes"] == "19"


def test_a_static_link_to_something_else_is_refused(world: World) -> None:
    assert world.link(X_Symlink_Target_Etag="other").status == 409
    assert world.link("c/none", X_Symlink_Target_Etag=ETAG).status == 409
    world.swift.answers["HEAD", "/v1/a/c/ö/x"] = 403
    assert world.link(X_Symlink_Target_Etag=ETAG).status == 403
    assert "/a/l/link" not in world.swift.objects


def test_a_target_that_changed_is_not_served(world: World) -> None:
    world.link(X_Symlink_Target_Etag=ETAG)
    world.swift.put("/a/c/ö/x", b"changed")
    answer = world()
    assert answer.status == 409
    assert b"changed" not in answer.body
    assert world.swift.open == 0


def test_a_static_link_to_a_large_object_keeps_its_size_and_etag(world: World) -> None:
    stored = world.swift.put(
        "/a/c/slo",
        b"[]",
        X_Static_Large_Object="True",
        X_Object_Sysmeta_Slo_Etag="slo",
        X_Object_Sysmeta_Slo_Size="999",
    )
    world.link("c/slo", X_Symlink_Target_Etag=stored.etag)
    headers = world.swift.objects["/a/l/link"].headers
    assert headers["X-Object-Sysmeta-Symlink-Target-Bytes"] == "999"
    assert (
        "; slo_etag=slo; symlink_target="
        in headers["X-Object-Sysmeta-Container-Update-Override-Etag"]
    )


# What is refused


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Symlink_Target": ""}, 412),
        ({"X_Symlink_Target": "c"}, 412),
        ({"X_Symlink_Target": "c/"}, 412),
        ({"X_Symlink_Target": "/c/o"}, 412),
        ({"X_Symlink_Target": "c/%ff"}, 412),
        ({"X_Symlink_Target": "c/\xff"}, 412),
        ({"X_Symlink_Target": "c/o", "X_Symlink_Target_Account": ""}, 412),
        ({"X_Symlink_Target": "c/o", "X_Symlink_Target_Account": "a/b"}, 412),
        ({"X_Symlink_Target": "c/o", "X_Symlink_Target_Account": "%ff"}, 412),
        ({"X_Symlink_Target": "c/o", "X_Symlink_Target_Etag": "\xff"}, 400),
        ({"X_Symlink_Target_Account": "a"}, 400),
        ({"X_Symlink_Target_Etag": "a"}, 400),
        ({"X_Symlink_Target": "l/link"}, 400),
        ({"X_Symlink_Target": "l/link", "X_Symlink_Target_Account": "a"}, 400),
        ({"X_Symlink_Target": "c/o", "Content_Length": "1"}, 400),
        ({"X_Symlink_Target": "c/o", "Transfer_Encoding": "chunked"}, 400),
    ],
)
def test_links_that_cannot_be(world: World, headers: dict[str, Any], status: int) -> None:
    assert world("PUT", **headers).status == status
    assert "/a/l/link" not in world.swift.objects


def test_a_post_is_sent_on_to_the_target() -> None:
    headers = [("X-Object-Sysmeta-Symlink-Target", "c/%C3%B6")]
    app = Symlinks(Canned(202, headers, [b""]), SymlinkOptions())
    answer = Answer(app, make_environ("POST", "/v1/a/l/link"))
    assert (answer.status, answer.headers["location"]) == (307, "/v1/a/c/%C3%B6")
    assert b"applied to a symlink" in answer.body
    plain = Symlinks(Canned(202), SymlinkOptions())
    assert Answer(plain, make_environ("POST", "/v1/a/l/link")).status == 202
    environ = make_environ("POST", "/v1/a/l/link", X_Symlink_Target="c/o")
    assert Answer(plain, environ).status == 400


def test_a_delete_is_of_the_link(world: World) -> None:
    world.link()
    assert world("DELETE").status == 204
    assert "/a/c/ö/x" in world.swift.objects


def test_a_damaged_link_is_shown_as_it_is(world: World) -> None:
    world.swift.put("/a/l/odd", b"own", X_Object_Sysmeta_Symlink_Target="nonsense")
    assert world(path="/v1/a/l/odd").body == b"own"


def test_a_plain_objects_body_is_not_touched() -> None:
    body = object()
    app = Symlinks(Canned(200, [], body), SymlinkOptions())  # type: ignore[arg-type]
    assert app(make_environ("GET", "/v1/a/c/o"), lambda *_: None) is body


# Listings


def test_listings_tell_where_links_point(world: World) -> None:
    rows = [
        {"name": "soft", "hash": "aa; symlink_target=c/%C3%B6"},
        {
            "name": "static",
            "hash": "aa; slo_etag=bb; symlink_target=d/x; symlink_target_account=b; "
            "symlink_target_etag=cc; symlink_target_bytes=5",
        },
        {"name": "plain", "hash": "aa"},
        {"name": "odd", "hash": "symlink_target=/x"},
        {"subdir": "x/"},
    ]
    headers = [("Content-Type", "application/json"), ("Content-Length", "5")]
    app = Symlinks(Canned(200, headers, [json.dumps(rows).encode()]), SymlinkOptions())
    answer = Answer(app, make_environ("GET", "/v1/a/l"))
    assert json.loads(answer.body) == [
        {"name": "soft", "hash": "aa", "symlink_path": "/v1/a/c/%C3%B6"},
        {
            "name": "static",
            "hash": "aa; slo_etag=bb",
            "symlink_path": "/v1/b/d/x",
            "symlink_etag": "cc",
            "symlink_bytes": 5,
        },
        *rows[2:],
    ]
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("hops", [0, -1])
def test_a_bound_below_one_counts_as_two(hops: int) -> None:
    assert World(hops).app.hops == 2
