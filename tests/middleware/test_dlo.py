"""Dynamic large objects over a proxy in memory."""

from __future__ import annotations

from hashlib import md5
from typing import Any

import pytest

from swiftlite.middleware.dlo import DloOptions, DynamicLargeObjects
from swiftlite.middleware.segments import SegmentUnusable
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.large import FakeHost, sent_by_itself
from tests.middleware.parts import Canned, ListLog
from tests.web.environs import Answer, make_environ

PARTS = [b"aaaaaaaaaa", b"bbbbb", b"", b"cccccccccccccccccccc", b"d"]
WHOLE = b"".join(PARTS)


class World:
    def __init__(self, page: int = 10_000, **options: Any) -> None:  # noqa: ANN401  # options
        self.swift = FakeSwift(page=page)
        self.host = FakeHost()
        self.log = ListLog()
        self.app = DynamicLargeObjects(
            self.swift,
            DloOptions(**options),
            page=page,
            host=self.host,  # type: ignore[arg-type]
            log=self.log,  # type: ignore[arg-type]
        )
        for index, body in enumerate(PARTS):
            self.swift.put(f"/a/segs/ö o/{index:03d}", body)
        self.swift.put("/a/segs/other", b"other")
        self.swift.put(
            "/a/c/dlo",
            b"manifest",
            X_Object_Manifest="segs/%C3%B6%20o/",
            Content_Type="video/mp4",
            X_Object_Meta_Color="red",
        )
        self.swift.put("/a/c/plain", b"plain")

    def __call__(
        self,
        method: str = "GET",
        path: str = "/v1/a/c/dlo",
        query: str = "",
        **headers: Any,  # noqa: ANN401  # strings
    ) -> Answer:
        return Answer(self.app, make_environ(method, path, query=query, **headers))

    @property
    def etag(self) -> str:
        return md5("".join(md5(body).hexdigest() for body in PARTS).encode()).hexdigest()


@pytest.fixture
def world() -> World:
    return World()


def test_a_get_joins_the_segments(world: World) -> None:
    answer = world()
    assert (answer.status, answer.body) == (200, WHOLE)
    assert answer.headers["content-length"] == str(len(WHOLE))
    assert answer.headers["etag"] == f'"{world.etag}"'
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-object-meta-color"] == "red"
    assert answer.headers["x-object-manifest"] == "segs/%C3%B6%20o/"
    assert world.swift.open == 0
    asked = [path for _, path in world.swift.calls]
    assert asked[1].startswith("/v1/a/segs?format=json&")
    assert "prefix=%C3%B6%20o%2F" in asked[1]
    assert asked[2] == "/v1/a/segs/ö o/000?multipart-manifest=get"


def test_subrequests_are_marked_for_the_log(world: World) -> None:
    world(User_Agent="curl")
    for environ in world.swift.environs[1:]:
        assert environ["swift.source"] == "DLO"
        assert environ["HTTP_USER_AGENT"] == "curl DLO MultipartGET"


def test_head_has_length_and_etag_without_reading_a_segment(world: World) -> None:
    answer = world("HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(WHOLE))
    assert answer.headers["etag"] == f'"{world.etag}"'
    assert len(world.swift.calls) == 2


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", WHOLE[:1]),
        ("bytes=9-10", WHOLE[9:11]),
        ("bytes=12-30", WHOLE[12:31]),
        ("bytes=15-", WHOLE[15:]),
        ("bytes=-3", WHOLE[-3:]),
        ("bytes=35-99999", WHOLE[35:]),
    ],
)
def test_a_range(world: World, header: str, expected: bytes) -> None:
    answer = world(Range=header)
    assert (answer.status, answer.body) == (206, expected)
    assert answer.headers["content-range"].endswith(f"/{len(WHOLE)}")
    assert answer.headers["content-length"] == str(len(expected))
    assert world.swift.open == 0


def test_a_range_reads_only_the_segments_that_it_touches(world: World) -> None:
    world(Range="bytes=11-13")
    gets = [environ for environ in world.swift.environs if "/segs/" in environ["PATH_INFO"]]
    assert [environ["HTTP_RANGE"] for environ in gets] == ["bytes=1-3"]


def test_several_ranges(world: World) -> None:
    answer = world(Range="bytes=0-1,14-16")
    assert answer.status == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert b"\r\n\r\n" + WHOLE[:2] in answer.body
    assert b"\r\n\r\n" + WHOLE[14:17] in answer.body


def test_a_range_outside_is_416(world: World) -> None:
    answer = world(Range="bytes=99-")
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(WHOLE)}"


def test_conditions_compare_with_the_etag_of_the_whole(world: World) -> None:
    etag, manifests = world.etag, world.swift.objects["/a/c/dlo"].etag
    assert world(If_Match=f'"{etag}"').body == WHOLE
    assert world(If_Match="other").status == 412
    assert world(If_Match=manifests).status == 412
    assert world(If_None_Match=etag).status == 304
    assert world(If_None_Match=manifests).status == 200
    assert world(If_None_Match=etag, Range="bytes=0-1").status == 304
    assert world("HEAD", If_None_Match=etag).status == 304
    assert world.swift.open == 0


def test_the_manifest_itself(world: World) -> None:
    answer = world(query="multipart-manifest=get")
    assert answer.body == b"manifest"
    assert len(world.swift.calls) == 1


def test_an_object_without_manifest_passes_as_it_is(world: World) -> None:
    answer = world(path="/v1/a/c/plain", Range="bytes=1-2")
    assert (answer.status, answer.body) == (206, b"la")
    assert world(path="/v1/a/c/none").status == 404


def test_bodies_send_themselves_through_the_whole_object(world: World) -> None:
    body = world.app(make_environ("GET", "/v1/a/c/dlo"), lambda *_: None)
    assert sent_by_itself(body) == WHOLE
    assert world.swift.sent_by_themselves == 4  # the empty segment is never asked for
    assert world.swift.open == 0


def test_a_body_of_another_object_is_not_touched(world: World) -> None:
    body = object()
    app = DynamicLargeObjects(
        Canned(200, [], body),  # type: ignore[arg-type]
        DloOptions(),
        page=10,
        host=world.host,  # type: ignore[arg-type]
        log=world.log,  # type: ignore[arg-type]
    )
    assert app(make_environ("GET", "/v1/a/c/o"), lambda *_: None) is body


def test_a_client_that_leaves_leaves_nothing_open(world: World) -> None:
    body: Any = world.app(make_environ("GET", "/v1/a/c/dlo"), lambda *_: None)
    blocks = iter(body)
    next(blocks)
    assert world.swift.open == 1
    body.close()
    assert world.swift.open == 0


def test_a_client_that_never_reads_leaves_nothing_open(world: World) -> None:
    body: Any = world.app(make_environ("GET", "/v1/a/c/dlo"), lambda *_: None)
    body.close()
    assert world.swift.open == 0


@pytest.mark.parametrize(("inner", "outer"), [(404, 409), (403, 409), (500, 503), (503, 503)])
def test_a_first_segment_that_cannot_be_had(world: World, inner: int, outer: int) -> None:
    world.swift.answers["GET", "/v1/a/segs/ö o/000"] = inner
    answer = world()
    assert answer.status == outer
    assert b"segs" not in answer.body
    assert b"Traceback" not in answer.body
    assert "cannot be had" in world.log.text()


def test_a_segment_that_breaks_later_breaks_the_body(world: World) -> None:
    world.swift.answers["GET", "/v1/a/segs/ö o/003"] = 404
    body: Any = world.app(make_environ("GET", "/v1/a/c/dlo"), lambda *_: None)
    with pytest.raises(SegmentUnusable):
        b"".join(body)
    body.close()
    assert world.swift.open == 0

    world.swift.answers.clear()
    world.swift.breaks["/a/segs/ö o/003"] = 7
    body = world.app(make_environ("GET", "/v1/a/c/dlo"), lambda *_: None)
    with pytest.raises(ConnectionError):
        b"".join(body)
    body.close()
    assert world.swift.open == 0


def test_a_segment_changed_since_it_was_listed(world: World) -> None:
    listing = world.swift._list

    def stale(request: Request, path: str) -> Response:
        answer = listing(request, path)
        world.swift.put("/a/segs/ö o/000", b"changed!!!")
        return answer

    world.swift._list = stale  # type: ignore[method-assign]
    assert world().status == 409


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_listing_that_is_refused_is_the_answer(world: World, status: int) -> None:
    world.swift.answers["GET", "/v1/a/segs"] = status
    assert world().status == status


@pytest.mark.parametrize(
    "body", [b"{", b"{}", b"7", b'[{"name":"x"}]', b"[7]", b'[{"name":"x","hash":"y","bytes":"z"}]']
)
def test_a_listing_that_is_none_is_no_500(world: World, body: bytes) -> None:
    world.swift._list = lambda *_: Response(200, None, body)  # type: ignore[method-assign]
    assert world().status == 503


def test_no_segments_is_an_empty_object(world: World) -> None:
    world.swift.put("/a/c/empty", b"", X_Object_Manifest="segs/none")
    answer = world(path="/v1/a/c/empty")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    assert answer.headers["etag"] == f'"{md5(b"").hexdigest()}"'
    assert world(path="/v1/a/c/empty", Range="bytes=0-").status == 416


def test_more_segments_than_a_page_are_read_without_a_length() -> None:
    world = World(page=2)
    answer = world()
    assert (answer.status, answer.body) == (200, WHOLE)
    assert "content-length" not in answer.headers
    assert "etag" not in answer.headers
    assert world("HEAD").status == 200
    assert "content-length" not in world("HEAD").headers
    assert world.swift.open == 0


def test_a_range_of_more_segments_than_a_page_is_found() -> None:
    world = World(page=2)
    answer = world(Range="bytes=14-16")
    assert (answer.status, answer.body) == (206, WHOLE[14:17])
    assert answer.headers["etag"] == f'"{world.etag}"'


def test_many_segments_are_read_slowly() -> None:
    world = World(rate_limit_after_segment=2, rate_limit_segments_per_sec=4)
    assert world().body == WHOLE
    assert world.host.tasks.slept == [0.25, 0.25]


def test_a_get_ends_in_time() -> None:
    world = World(max_get_time=1)
    body: Any = world.app(make_environ("GET", "/v1/a/c/dlo"), lambda *_: None)
    blocks = iter(body)
    next(blocks)
    world.host.clock.seconds += 2
    with pytest.raises(SegmentUnusable):
        list(blocks)


def test_segments_need_rights_of_their_own(world: World) -> None:
    def authorize(request: Request) -> Response | None:
        return standard_answer(403) if "/segs" in request.path_text else None

    environ = make_environ("GET", "/v1/a/c/dlo")
    environ["swift.authorize"] = authorize
    assert Answer(world.app, environ).status == 403


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("c/p", 201),
        ("c/p/q%20r", 201),
        ("c/%C3%B6", 201),
        ("", 400),
        ("c", 400),
        ("c/", 400),
        ("/c/p", 400),
        ("c//p", 400),
        ("c/p?x=1", 400),
        ("c/p%3Fx", 400),
        ("c/p&x", 400),
        ("c/%ff", 400),
        ("c/\xff", 400),
    ],
)
def test_a_put_needs_a_manifest_that_can_be_read_back(
    world: World, value: str, status: int
) -> None:
    assert world("PUT", "/v1/a/c/new", X_Object_Manifest=value).status == status


@pytest.mark.parametrize("stored", ["", "c", "/", "%ff/%ff"])
def test_a_stored_manifest_of_no_form_is_shown_or_refused_but_no_500(
    world: World, stored: str
) -> None:
    world.swift.put("/a/c/odd", b"own", X_Object_Manifest=stored)
    assert world(path="/v1/a/c/odd").status < 500
