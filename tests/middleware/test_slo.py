"""Static large objects over a proxy in memory: put, get, head, delete, and everything hostile."""

from __future__ import annotations

import base64
import itertools
import json
from hashlib import md5
from typing import Any
from xml.etree import ElementTree

import pytest

from swiftlite.host.net import DeadlinePassed
from swiftlite.infocache.info import ContainerInfo
from swiftlite.middleware.copy import ServerSideCopy
from swiftlite.middleware.dlo import DloOptions, DynamicLargeObjects
from swiftlite.middleware.segments import SegmentUnusable
from swiftlite.middleware.slo import StaticLargeObjects
from swiftlite.middleware.slo.options import SloOptions
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.large import FakeHost, InlineTask, sent_by_itself
from tests.middleware.parts import Canned, ListLog
from tests.web.environs import Answer, make_environ

A, B, C = b"a" * 10, b"b" * 5, b"c" * 20
WHOLE = A + B + C


def etag_of(body: bytes) -> str:
    return md5(body).hexdigest()


def joined(*etags: str) -> str:
    return md5("".join(etags).encode()).hexdigest()


class World:
    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # options
        self.swift = FakeSwift()
        self.host = FakeHost()
        self.log = ListLog()
        dlo = DynamicLargeObjects(
            self.swift,
            DloOptions(),
            page=10_000,
            host=self.host,  # type: ignore[arg-type]
            log=self.log,  # type: ignore[arg-type]
        )
        self.app = StaticLargeObjects(
            dlo,
            SloOptions(**options),
            host=self.host,  # type: ignore[arg-type]
            log=self.log,  # type: ignore[arg-type]
            hash_path=HashPath(b"", b"x"),
        )
        self.swift.put("/a/segs/ä 1", A, Content_Type="text/a;charset=x;swift_bytes=9")
        self.swift.put("/a/segs/b", B)
        self.swift.put("/a/segs/c", C)
        self.swift.containers["/a/c"] = {}

    def __call__(
        self,
        method: str = "GET",
        path: str = "/v1/a/c/slo",
        query: str = "",
        body: Any = b"",  # noqa: ANN401  # bytes, or what becomes JSON
        **headers: Any,  # noqa: ANN401  # strings
    ) -> Answer:
        document = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Answer(self.app, make_environ(method, path, query=query, body=document, **headers))

    def put(self, *entries: Any, path: str = "/v1/a/c/slo", query: str = "", **h: Any) -> Answer:  # noqa: ANN401  # JSON
        return self("PUT", path, "multipart-manifest=put" + query, list(entries), **h)

    def plain(self, path: str = "/v1/a/c/slo") -> Answer:
        """The usual object, put."""
        return self.put(
            {"path": "/segs/ä 1", "etag": etag_of(A), "size_bytes": 10},
            {"path": "segs/b"},
            {"path": "/segs/c", "size_bytes": "20"},
            path=path,
            Content_Type="video/mp4",
            X_Object_Meta_Color="red",
        )

    @property
    def etag(self) -> str:
        return joined(*map(etag_of, (A, B, C)))

    def stored(self, path: str = "/a/c/slo") -> Any:  # noqa: ANN401  # JSON
        return json.loads(self.swift.body(path))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def slo(world: World) -> World:
    assert world.plain().status == 201
    world.swift.calls.clear()
    world.swift.environs.clear()
    return world


# PUT


def test_a_put_stores_a_manifest_of_what_is_there(world: World) -> None:
    answer = world.plain()
    assert answer.status == 201
    assert answer.headers["etag"] == f'"{world.etag}"'
    common = {"last_modified": "2023-11-14T22:13:20.000000"}
    binary = {"content_type": "application/octet-stream", **common}
    assert world.stored() == [
        {
            "name": "/segs/ä 1",
            "hash": etag_of(A),
            "bytes": 10,
            "content_type": "text/a",
            **common,
        },
        {"name": "/segs/b", "hash": etag_of(B), "bytes": 5, **binary},
        {"name": "/segs/c", "hash": etag_of(C), "bytes": 20, **binary},
    ]
    stored = world.swift.objects["/a/c/slo"]
    assert stored.headers == {
        "Content-Type": "video/mp4;swift_bytes=35",
        "X-Static-Large-Object": "True",
        "X-Object-Meta-Color": "red",
        "X-Object-Sysmeta-Slo-Etag": world.etag,
        "X-Object-Sysmeta-Slo-Size": "35",
        "X-Object-Sysmeta-Container-Update-Override-Etag": (
            f"{stored.etag}; slo_etag={world.etag}"
        ),
    }


def test_each_segment_is_looked_at_once(world: World) -> None:
    world.put(*[{"path": "/segs/b", "range": f"{at}-"} for at in range(5)])
    assert [verb for verb, _ in world.swift.calls] == ["HEAD", "PUT"]
    head, put = world.swift.environs
    assert head["swift.source"] == "SLO"
    assert put["QUERY_STRING"] == "multipart-manifest=put"


def test_ranges_and_data_are_stored(world: World) -> None:
    data = base64.b64encode(b"inline").decode()
    answer = world.put(
        {"path": "/segs/ä 1", "range": "2-4"},
        {"data": data},
        {"path": "/segs/b", "range": "0-4"},
        {"path": "/segs/c", "range": "-3"},
    )
    first, inline, whole, last = world.stored()
    assert first["range"] == "2-4"
    assert inline == {"data": data}
    assert "range" not in whole
    assert last["range"] == "17-19"
    expected = joined(f"{etag_of(A)}:2-4;", etag_of(b"inline"), etag_of(B), f"{etag_of(C)}:17-19;")
    assert answer.headers["etag"] == f'"{expected}"'
    assert world().body == A[2:5] + b"inline" + B + C[-3:]


def test_the_clients_etag_is_that_of_the_whole(world: World) -> None:
    assert world.put({"path": "/segs/b"}, ETag="wrong").status == 422
    assert "/a/c/slo" not in world.swift.objects
    right = joined(etag_of(B))
    assert world.put({"path": "/segs/b"}, ETag=f'"{right}"').status == 201


@pytest.mark.parametrize(
    ("sent", "path", "stored"),
    [
        ({}, "/v1/a/c/film.mp4", "video/mp4"),
        ({}, "/v1/a/c/film", "application/octet-stream"),
        ({"Content_Type": "text/x;swift_bytes=9;charset=y"}, "/v1/a/c/film", "text/x;charset=y"),
        (
            {"Content_Type": "text/x", "X_Detect_Content_Type": "true"},
            "/v1/a/c/film.mp4",
            "video/mp4",
        ),
    ],
)
def test_content_types(world: World, sent: dict[str, Any], path: str, stored: str) -> None:
    world.put({"path": "/segs/b"}, path=path, **sent)
    put = world.swift.environs[-1]
    assert put["CONTENT_TYPE"] == f"{stored};swift_bytes=5"
    assert "HTTP_X_DETECT_CONTENT_TYPE" not in put


def test_an_etag_for_listings_of_another_filter_is_kept_beside_ours(world: World) -> None:
    world.put({"path": "/segs/b"}, X_Object_Sysmeta_Container_Update_Override_Etag="x; s3_etag=y")
    override = world.swift.objects["/a/c/slo"].headers[
        "X-Object-Sysmeta-Container-Update-Override-Etag"
    ]
    assert override == f"x; s3_etag=y; slo_etag={joined(etag_of(B))}"


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"path": "/segs/none"}, "404 Not Found"),
        ({"path": "/none/x"}, "404 Not Found"),
        ({"path": "/segs/b", "etag": "wrong"}, "Etag Mismatch"),
        ({"path": "/segs/b", "size_bytes": 6}, "Size Mismatch"),
        ({"path": "/segs/empty"}, "Too Small; each segment must be at least 1 byte."),
        ({"path": "/segs/b", "range": "5-"}, "Unsatisfiable Range"),
        ({"path": "/segs/dlo"}, "A dynamic large object cannot be a segment"),
    ],
)
def test_segments_that_are_not_what_the_client_says(
    world: World, entry: dict[str, Any], complaint: str
) -> None:
    world.swift.put("/a/segs/empty", b"")
    world.swift.put("/a/segs/dlo", b"", X_Object_Manifest="segs/b")
    answer = world.put({"path": "/segs/b"}, entry)
    assert answer.status == 400
    assert answer.body.decode().endswith(f"Errors:\n{entry['path']}, {complaint}\n")
    assert "/a/c/slo" not in world.swift.objects
    as_json = world.put(entry, Accept="application/json")
    assert json.loads(as_json.body)["Errors"] == [[entry["path"], complaint]]
    as_xml = world.put(entry, Accept="text/xml")
    assert ElementTree.fromstring(as_xml.body).findtext("errors/object/status") == complaint


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"{}",
        b"7",
        b"null",
        b"[" * 100_000,
        b'[{"a":' * 30_000,
        b"9" * 10_000,
        b"[NaN]",
        b"\xff\xfe",
        b'[{"path":"/c/\\ud800"}]',
        b'[{"path":"/c/\\u0000"}]',
        b'[{"path":"/c/o","size_bytes":1e999}]',
        b'[{"path":"/c/o","size_bytes":"\xc2\xb2"}]',
        b'[{"path":"/c/o","range":"' + b"9" * 5000 + b'-"}]',
        b'[{"path":"/c/o","range":"' + b"1-2," * 5000 + b'3-4"}]',
        b'[{"path":{"/c/o":1}}]',
        b'[{"data":"=="}]',
    ],
)
def test_hostile_manifests_are_the_clients_fault(world: World, document: bytes) -> None:
    answer = world(
        "PUT", query="multipart-manifest=put", body=document, Content_Length=str(len(document))
    )
    assert answer.status == 400
    assert b"Traceback" not in answer.body
    assert not world.swift.calls


def test_a_manifest_over_the_limit_is_refused_and_never_read_in_part() -> None:
    world = World(max_manifest_size=40)
    document = json.dumps([{"path": "/segs/b"}] * 3).encode()
    for headers in ({}, {"Transfer_Encoding": "chunked"}):
        environ = make_environ(
            "PUT", "/v1/a/c/slo", query="multipart-manifest=put", body=document, **headers
        )
        if headers:
            del environ["CONTENT_LENGTH"]
        assert Answer(world.app, environ).status == 413
    whole = document[:19] + b"]" + b" " * 100
    environ = make_environ(
        "PUT",
        "/v1/a/c/slo",
        query="multipart-manifest=put",
        body=whole,
        Transfer_Encoding="chunked",
    )
    del environ["CONTENT_LENGTH"]
    assert Answer(world.app, environ).status == 413
    assert not world.swift.calls


def test_a_chunked_manifest_within_the_limit_is_read(world: World) -> None:
    body = json.dumps([{"path": "/segs/b"}]).encode()
    environ = make_environ(
        "PUT", "/v1/a/c/slo", query="multipart-manifest=put", body=body, Transfer_Encoding="chunked"
    )
    del environ["CONTENT_LENGTH"]
    assert Answer(world.app, environ).status == 201
    assert "HTTP_TRANSFER_ENCODING" not in world.swift.environs[-1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Length": ""}, 411),
        ({"Content_Length": "x"}, 400),
        ({"Content_Length": "+5"}, 400),
        ({"X_Copy_From": "c/o"}, 405),
        ({"Accept": "image/png"}, 406),
        ({"Accept": "x"}, 400),
    ],
)
def test_requests_that_are_no_put_of_a_manifest(
    world: World, headers: dict[str, Any], status: int
) -> None:
    assert world.put({"path": "/segs/b"}, **headers).status == status


def test_too_many_segments(world: World) -> None:
    world = World(max_manifest_segments=2)
    answer = world.put(*[{"path": "/segs/b"}] * 3)
    assert answer.status == 413
    assert b"must be <= 2, not 3" in answer.body
    data = {"data": base64.b64encode(b"x").decode()}
    assert world.put({"path": "/segs/b"}, data, data, {"path": "/segs/b"}).status == 201


def test_a_manifest_cannot_be_its_own_segment(world: World) -> None:
    assert world.put({"path": "/segs/b"}, {"path": "/c/slo"}).status == 400
    assert world.put({"path": "/segs/b"}, {"path": "c/slo"}).status == 400


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_the_header_is_reserved(world: World, method: str) -> None:
    assert world(method, X_Static_Large_Object="true").status == 400
    environ = make_environ(method, "/v1/a/c/slo", X_Static_Large_Object="true")
    environ["swift.slo_override"] = True
    assert Answer(world.app, environ).status != 400


def test_the_clients_connection_is_not_lent_to_the_put(world: World) -> None:
    environ = make_environ(
        "PUT", "/v1/a/c/slo", query="multipart-manifest=put", body=b'[{"path":"/segs/b"}]'
    )
    environ["swiftlite.stream"] = object()
    Answer(world.app, environ)
    assert not [key for seen in world.swift.environs for key in seen if key[:9] == "swiftlite"]
    assert environ["REQUEST_METHOD"] == "PUT"
    assert environ["CONTENT_LENGTH"] == "20"


def test_segments_need_rights_of_their_own(world: World) -> None:
    environ = make_environ(
        "PUT", "/v1/a/c/slo", query="multipart-manifest=put", body=b'[{"path":"/segs/b"}]'
    )

    def authorize(request: Request) -> Response | None:
        return standard_answer(403) if "/segs" in request.path_text else None

    environ["swift.authorize"] = authorize
    answer = Answer(world.app, environ)
    assert answer.status == 400
    assert b"/segs/b, 403 Forbidden" in answer.body


# PUT with a heartbeat


def test_a_heartbeat_put_reports_in_its_body(world: World) -> None:
    answer = world.put({"path": "/segs/b"}, query="&heartbeat=on", Accept="application/json")
    assert answer.status == 202
    report = json.loads(answer.body)
    assert report["Response Status"] == "201 Created"
    assert report["Etag"] == f'"{joined(etag_of(B))}"'
    assert report["Last Modified"]
    assert report["Errors"] == []


def test_a_heartbeat_put_that_fails_says_so(world: World) -> None:
    answer = world.put({"path": "/segs/none"}, query="&heartbeat=on")
    assert answer.status == 202
    assert b"Response Status: 400 Bad Request\n" in answer.body
    assert answer.body.endswith(b"Errors:\n/segs/none, 404 Not Found\n")
    answer = world.put({"path": "/segs/b"}, query="&heartbeat=yes", ETag="wrong")
    assert b"Response Status: 422 Unprocessable Entity\n" in answer.body
    assert world.put({"path": "/x"}, query="&heartbeat=on").status == 400


def test_a_crash_behind_a_heartbeat_is_told_as_500_and_logged(world: World) -> None:
    def crash(request: Request, path: str) -> Response:
        raise RuntimeError("inside")

    world.swift._put = crash  # type: ignore[method-assign]
    answer = world.put({"path": "/segs/b"}, query="&heartbeat=on")
    assert b"500 Internal Error" in answer.body
    assert b"inside" not in answer.body
    assert world.log.lines[-1][0] == "exception"


@pytest.mark.parametrize(
    ("accept", "start", "read"),
    [
        ("text/plain", b"  \r\n\r\n", lambda body: body.decode()),
        ("application/json", b"  \r\n\r\n", json.loads),
        ("text/xml", b'<?xml version="1.0" encoding="UTF-8"?>\n \r\n\r\n', ElementTree.fromstring),
    ],
)
def test_blanks_keep_a_slow_put_alive(world: World, accept: str, start: bytes, read: Any) -> None:  # noqa: ANN401  # a reader
    class Slow(InlineTask):
        waits = 2

        def wait(self, deadline: float | None = None) -> Any:  # noqa: ANN401  # any result
            if deadline is not None and self.waits:
                self.waits -= 1
                raise DeadlinePassed
            return super().wait(deadline)

    world.host.tasks.spawn = Slow  # type: ignore[method-assign]
    answer = world.put({"path": "/segs/b"}, query="&heartbeat=on", Accept=accept)
    assert answer.body.startswith(start)
    assert read(answer.body) is not None


# GET and HEAD


def test_a_get_joins_the_segments(slo: World) -> None:
    answer = slo()
    assert (answer.status, answer.body) == (200, WHOLE)
    assert answer.headers["content-length"] == "35"
    assert answer.headers["etag"] == f'"{slo.etag}"'
    assert answer.headers["x-manifest-etag"] == slo.swift.objects["/a/c/slo"].etag
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-object-meta-color"] == "red"
    assert answer.headers["x-static-large-object"] == "True"
    assert slo.swift.open == 0
    for environ in slo.swift.environs[1:]:
        assert environ["swift.source"] == "SLO"


def test_head_needs_one_call(slo: World) -> None:
    answer = slo("HEAD")
    assert (answer.status, answer.headers["content-length"]) == (200, "35")
    assert answer.headers["etag"] == f'"{slo.etag}"'
    assert answer.headers["content-type"] == "video/mp4"
    assert len(slo.swift.calls) == 1


def test_an_old_manifest_without_sysmeta_is_the_same_object(slo: World) -> None:
    headers = slo.swift.objects["/a/c/slo"].headers
    del headers["X-Object-Sysmeta-Slo-Etag"], headers["X-Object-Sysmeta-Slo-Size"]
    for method in ("GET", "HEAD"):
        answer = slo(method)
        assert answer.headers["content-length"] == "35"
        assert answer.headers["etag"] == f'"{slo.etag}"'
    assert slo(If_Match=slo.etag).body == WHOLE
    assert slo(If_Match="other").status == 412
    assert slo(If_None_Match=slo.etag).status == 304
    assert slo("HEAD", If_None_Match=slo.etag).status == 304
    assert slo.swift.open == 0


def test_conditions_compare_with_the_large_objects_etag(slo: World) -> None:
    manifests = slo.swift.objects["/a/c/slo"].etag
    assert slo(If_Match=f'"{slo.etag}"').body == WHOLE
    assert slo.swift.environs[0]["HTTP_X_BACKEND_ETAG_IS_AT"] == "X-Object-Sysmeta-Slo-Etag"
    assert slo(If_Match=manifests).status == 412
    unchanged = slo(If_None_Match=slo.etag)
    assert (unchanged.status, unchanged.headers["etag"]) == (304, f'"{slo.etag}"')
    assert slo(If_None_Match=manifests).status == 200
    assert slo("HEAD", If_Match="other").status == 412
    assert slo("HEAD", If_None_Match=slo.etag).status == 304
    assert slo.swift.open == 0


def test_conditions_of_other_filters_are_kept(slo: World) -> None:
    slo(If_Match=slo.etag, X_Backend_Etag_Is_At="X-Object-Sysmeta-Other")
    seen = slo.swift.environs[0]["HTTP_X_BACKEND_ETAG_IS_AT"]
    assert seen == "X-Object-Sysmeta-Other,X-Object-Sysmeta-Slo-Etag"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", WHOLE[:1]),
        ("bytes=9-10", WHOLE[9:11]),
        ("bytes=10-14", B),
        ("bytes=15-", C),
        ("bytes=-1", b"c"),
        ("bytes=3-99999", WHOLE[3:]),
    ],
)
def test_a_range(slo: World, header: str, expected: bytes) -> None:
    answer = slo(Range=header)
    assert (answer.status, answer.body) == (206, expected)
    assert answer.headers["content-length"] == str(len(expected))
    assert answer.headers["content-range"].endswith("/35")
    assert answer.headers["etag"] == f'"{slo.etag}"'
    assert slo.swift.open == 0


def test_a_backend_that_cuts_the_manifest_is_asked_again(slo: World) -> None:
    def deaf(environ: Any, start: Any) -> Any:  # noqa: ANN401  # WSGI
        environ.pop("HTTP_X_BACKEND_IGNORE_RANGE_IF_METADATA_PRESENT", None)
        return slo.swift(environ, start)

    slo.app.app.app = deaf  # type: ignore[attr-defined]
    for header in ("bytes=3-4", "bytes=-30", "bytes=30-", "bytes=1-2,20-21"):
        assert slo(Range=header).status == 206
    assert slo(Range="bytes=9-10").body == WHOLE[9:11]
    assert slo(Range="bytes=999-").status == 416
    assert slo.swift.open == 0


def test_several_ranges(slo: World) -> None:
    answer = slo(Range="bytes=8-11,30-34")
    assert answer.status == 206
    assert answer.headers["content-length"] == str(len(answer.body))
    assert b"\r\n\r\n" + WHOLE[8:12] + b"\r\n--" in answer.body
    assert b"Content-Type: video/mp4\r\n" in answer.body


def test_too_many_ranges_are_refused(slo: World) -> None:
    assert slo(Range="bytes=" + ",".join(["0-30"] * 60)).status == 416
    assert slo.swift.open == 0


def test_if_range(slo: World) -> None:
    assert slo(Range="bytes=0-1", If_Range=f'"{slo.etag}"').status == 206
    assert slo(Range="bytes=0-1", If_Range='"other"').body == WHOLE


def test_bodies_send_themselves_through_the_whole_object(slo: World) -> None:
    body = slo.app(make_environ("GET", "/v1/a/c/slo"), lambda *_: None)
    assert sent_by_itself(body) == WHOLE
    assert slo.swift.sent_by_themselves == 3
    body = slo.app(make_environ("GET", "/v1/a/c/slo", Range="bytes=5-20"), lambda *_: None)
    assert sent_by_itself(body) == WHOLE[5:21]
    assert slo.swift.open == 0


def test_a_body_of_another_object_is_not_touched(world: World) -> None:
    body = object()
    app = StaticLargeObjects(
        Canned(200, [("Content-Type", "x/y")], body),  # type: ignore[arg-type]
        SloOptions(),
        host=world.host,  # type: ignore[arg-type]
        log=world.log,  # type: ignore[arg-type]
    )
    assert app(make_environ("GET", "/v1/a/c/o"), lambda *_: None) is body


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_client_that_leaves_leaves_nothing_open(slo: World, taken: int) -> None:
    body: Any = slo.app(make_environ("GET", "/v1/a/c/slo"), lambda *_: None)
    blocks = iter(body)
    for _ in range(taken):
        next(blocks)
    assert slo.swift.open == 1
    body.close()
    assert slo.swift.open == 0


# Nesting


def nested(world: World) -> None:
    world.plain("/v1/a/c/inner")
    world.put(
        {"path": "/segs/b"},
        {"path": "/c/inner", "range": "8-16"},
        {"path": "/c/inner", "etag": world.etag, "size_bytes": 35},
    )


def test_large_objects_within_large_objects(world: World) -> None:
    nested(world)
    expected = B + WHOLE[8:17] + WHOLE
    assert [entry.get("sub_slo") for entry in world.stored()] == [None, True, True]
    answer = world()
    assert (answer.status, answer.body) == (200, expected)
    assert answer.headers["etag"] == (f'"{joined(etag_of(B), f"{world.etag}:8-16;", world.etag)}"')
    for start in range(0, len(expected), 3):
        for stop in range(start + 1, len(expected), 7):
            assert world(Range=f"bytes={start}-{stop - 1}").body == expected[start:stop]
    assert world.swift.open == 0


def test_a_nested_object_that_changed_is_not_served(world: World) -> None:
    nested(world)
    world.put({"path": "/segs/c"}, path="/v1/a/c/inner")
    body: Any = world.app(make_environ("GET", "/v1/a/c/slo"), lambda *_: None)
    with pytest.raises(SegmentUnusable):
        b"".join(body)
    assert world(Range="bytes=6-").status == 409
    world.swift.put("/a/c/inner", b"plain")
    assert world(Range="bytes=6-").status == 409
    assert world.swift.open == 0


def test_nesting_has_a_floor(world: World) -> None:
    path = "/segs/b"
    for depth in range(11):
        world.put({"path": path}, path=f"/v1/a/c/{depth}")
        path = f"/c/{depth}"
    assert world(path="/v1/a/c/9").body == B
    answer = world(path="/v1/a/c/10")
    assert answer.status == 409
    assert "nested too deeply" in world.log.text()
    assert world.swift.open == 0


def test_a_ring_of_manifests_ends(world: World) -> None:
    world.put({"path": "/segs/b"}, path="/v1/a/c/x")
    world.put({"path": "/c/x"}, path="/v1/a/c/y")
    manifest = world.swift.objects["/a/c/x"]
    stored = json.loads(world.swift.body("/a/c/y"))
    stored[0]["name"] = "/c/y"
    manifest.body = json.dumps(stored).encode()
    assert world(path="/v1/a/c/y").status == 409
    assert world("DELETE", "/v1/a/c/y", "multipart-manifest=delete").status == 200


# Faults below


@pytest.mark.parametrize(("inner", "outer"), [(404, 409), (403, 409), (500, 503), (503, 503)])
def test_a_first_segment_that_cannot_be_had(slo: World, inner: int, outer: int) -> None:
    slo.swift.answers["GET", "/v1/a/segs/ä 1"] = inner
    answer = slo()
    assert answer.status == outer
    for told in (b"segs", b"Traceback", b"/work", b".py"):
        assert told not in answer.body
    assert "cannot be had" in slo.log.text()
    assert slo.swift.open == 0


def test_a_segment_that_changed(slo: World) -> None:
    slo.swift.put("/a/segs/ä 1", b"other body")
    assert slo().status == 409
    slo.swift.put("/a/segs/ä 1", A + A)
    assert slo().status == 409
    assert slo(Range="bytes=12-13").body == B[2:4]
    assert slo.swift.open == 0


def test_a_later_segment_breaks_the_body_and_nothing_wrong_is_sent(slo: World) -> None:
    slo.swift.put("/a/segs/c", b"x" * 20)
    body: Any = slo.app(make_environ("GET", "/v1/a/c/slo"), lambda *_: None)
    blocks = iter(body)
    got = b"".join(itertools.islice(blocks, 3))
    assert got == A + B
    with pytest.raises(SegmentUnusable):
        next(blocks)
    body.close()
    assert slo.swift.open == 0


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b"[7]", b'[{"name":1}]', b"[" * 100_000])
def test_a_damaged_manifest_is_no_500(slo: World, body: bytes) -> None:
    slo.swift.objects["/a/c/slo"].body = body
    assert slo().status == 409
    assert slo(query="multipart-manifest=get&format=raw").status == 409
    report = slo("DELETE", query="multipart-manifest=delete")
    assert b"400 Bad Request" in report.body
    assert slo.swift.open == 0


def test_a_manifest_that_ends_early_is_unavailable(slo: World) -> None:
    slo.swift.breaks["/a/c/slo"] = 14

    def breaking(environ: Any, start: Any) -> Any:  # noqa: ANN401  # WSGI
        return Canned(
            200,
            [("X-Static-Large-Object", "True"), ("Content-Length", "99")],
            [b"[]"],
        )(environ, start)

    slo.app.app = breaking
    assert slo().status == 503


def test_a_manifest_that_is_gone_passes(slo: World) -> None:
    assert slo(path="/v1/a/c/none").status == 404
    assert slo(path="/v1/a/segs/b", Range="bytes=1-2").body == B[1:3]


def test_many_small_segments_are_read_slowly() -> None:
    world = World(
        rate_limit_after_segment=2, rate_limit_segments_per_sec=4, rate_limit_under_size=8
    )
    world.put(*[{"path": "/segs/b"}] * 5, {"path": "/segs/ä 1"})
    assert world().body == B * 5 + A
    assert world.host.tasks.slept == [0.25, 0.25, 0.25]


def test_a_get_ends_in_time() -> None:
    world = World(max_get_time=1)
    world.plain()
    body: Any = world.app(make_environ("GET", "/v1/a/c/slo"), lambda *_: None)
    blocks = iter(body)
    next(blocks)
    world.host.clock.seconds += 2
    with pytest.raises(SegmentUnusable):
        list(blocks)


# The manifest itself


def test_the_manifest_as_stored(slo: World) -> None:
    answer = slo(query="multipart-manifest=get")
    assert json.loads(answer.body) == slo.stored()
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["etag"] == slo.swift.objects["/a/c/slo"].etag
    head = slo("HEAD", query="multipart-manifest=get")
    assert head.headers["content-type"] == "application/json; charset=utf-8"
    assert head.headers["content-length"] == str(len(slo.swift.body("/a/c/slo")))


def test_the_manifest_as_sent_may_be_put_again(slo: World) -> None:
    answer = slo(query="multipart-manifest=get&format=raw")
    entries = json.loads(answer.body)
    assert entries[0] == {"path": "/segs/ä 1", "etag": etag_of(A), "size_bytes": 10}
    assert answer.headers["etag"] == etag_of(answer.body)
    assert answer.headers["content-length"] == str(len(answer.body))
    again = slo("PUT", "/v1/a/c/again", "multipart-manifest=put", answer.body)
    assert again.status == 201
    assert slo(path="/v1/a/c/again").body == WHOLE


def test_a_copied_manifest_keeps_the_type_of_the_large_object(slo: World) -> None:
    app = ServerSideCopy(slo.app, Limits(), log=slo.log)  # type: ignore[arg-type]
    environ = make_environ(
        "COPY", "/v1/a/c/slo", query="multipart-manifest=get", Destination="c/copy"
    )
    assert Answer(app, environ).status == 201
    copy = slo.swift.objects["/a/c/copy"].headers
    assert copy == slo.swift.objects["/a/c/slo"].headers
    assert slo.stored("/a/c/copy") == slo.stored()


# Parts


def test_a_part_by_its_number(slo: World) -> None:
    for method in ("GET", "HEAD"):
        answer = slo(method, query="part-number=2")
        assert answer.status == 206
        assert answer.body == (B if method == "GET" else b"")
        assert answer.headers["content-length"] == "5"
        assert answer.headers["content-range"] == "bytes 10-14/35"
        assert answer.headers["x-parts-count"] == "3"
        assert answer.headers["etag"] == f'"{slo.etag}"'
    assert slo.swift.open == 0


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "+1", "1_0", "²", "9" * 30, ""])
def test_what_is_no_part_number(slo: World, number: str) -> None:
    from urllib.parse import quote

    assert slo(query=f"part-number={quote(number)}").status == 400


def test_a_part_beyond_the_last(slo: World) -> None:
    answer = slo(query="part-number=4")
    assert (answer.status, answer.headers["x-parts-count"]) == (416, "3")
    assert slo(query="part-number=1", Range="bytes=0-1").status == 400
    assert slo(path="/v1/a/segs/b", query="part-number=1").body == B


# DELETE


def test_a_delete_removes_segments_and_manifest(slo: World) -> None:
    answer = slo("DELETE", query="multipart-manifest=delete", Accept="application/json")
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "Number Deleted": 4,
        "Number Not Found": 0,
        "Response Status": "200 OK",
        "Response Body": "",
        "Errors": [],
    }
    assert slo.swift.objects == {}


def test_a_plain_delete_removes_the_manifest_alone(slo: World) -> None:
    assert slo("DELETE").status == 204
    assert sorted(slo.swift.objects) == ["/a/segs/b", "/a/segs/c", "/a/segs/ä 1"]


def test_a_delete_goes_down_into_nested_objects_once(world: World) -> None:
    nested(world)
    answer = world("DELETE", query="multipart-manifest=delete")
    assert b"Number Deleted: 5\n" in answer.body
    assert world.swift.objects == {}


def test_a_delete_tells_what_was_missing_and_what_failed(slo: World) -> None:
    del slo.swift.objects["/a/segs/b"]
    slo.swift.answers["DELETE", "/v1/a/segs/c"] = 403
    answer = slo("DELETE", query="multipart-manifest=delete")
    assert b"Number Deleted: 2\n" in answer.body
    assert b"Number Not Found: 1\n" in answer.body
    assert b"Response Status: 400 Bad Request\n" in answer.body
    assert answer.body.endswith(b"Errors:\n/segs/c, 403 Forbidden\n")


@pytest.mark.parametrize(
    ("path", "told"),
    [("/v1/a/c/none", b"Number Not Found: 1"), ("/v1/a/segs/b", b"/segs/b, Not an SLO manifest")],
)
def test_a_delete_of_no_manifest(slo: World, path: str, told: bytes) -> None:
    answer = slo("DELETE", path, "multipart-manifest=delete")
    assert told in answer.body
    assert "/a/segs/b" in slo.swift.objects


def test_an_asynchronous_delete_queues_the_segments(slo: World) -> None:
    answer = slo("DELETE", query="multipart-manifest=delete&async=yes")
    assert answer.status == 204
    assert "/a/c/slo" not in slo.swift.objects
    assert len(slo.swift.objects) == 3
    updates = [seen for seen in slo.swift.environs if seen["REQUEST_METHOD"] == "UPDATE"]
    assert updates[0]["PATH_INFO"].startswith("/v1/.expiring_objects/")
    assert updates[0]["HTTP_X_BACKEND_ALLOW_PRIVATE_METHODS"] == "True"
    rows = json.loads(updates[0]["wsgi.input"].getvalue())
    assert [row["name"] for row in rows] == [
        f"1700000000.00000-a/segs/{name}" for name in ("ä 1", "b", "c")
    ]
    assert {row["content_type"] for row in rows} == {"application/async-deleted"}


def test_an_asynchronous_delete_needs_the_right_to_write(slo: World) -> None:
    environ = make_environ("DELETE", "/v1/a/c/slo", query="multipart-manifest=delete&async=on")
    asked = []

    def authorize(request: Request) -> Response | None:
        acl = getattr(request, "acl", None)
        asked.append((request.verb, request.path_text, acl))
        return standard_answer(403) if acl == "writers" and request.verb == "DELETE" else None

    environ["swift.authorize"] = authorize
    environ["swift.infocache"] = {"container/a/segs": ContainerInfo(204, write_acl="writers")}
    assert Answer(slo.app, environ).status == 403
    assert asked[-1] == ("DELETE", "/v1/a/segs/ä 1", "writers")
    assert "/a/c/slo" in slo.swift.objects


def test_an_asynchronous_delete_is_for_one_container_of_plain_segments(world: World) -> None:
    world.swift.put("/a/other/x", b"x")
    world.put({"path": "/segs/b"}, {"path": "/other/x"})
    assert world("DELETE", query="multipart-manifest=delete&async=t").status == 400
    nested(world)
    assert world("DELETE", query="multipart-manifest=delete&async=t").status == 400
    assert "/a/c/slo" in world.swift.objects


def test_without_the_queue_nothing_is_deleted(slo: World) -> None:
    slo.swift._answer, real = (  # type: ignore[method-assign]
        lambda request: standard_answer(503) if request.verb == "UPDATE" else real(request),
        slo.swift._answer,
    )
    assert slo("DELETE", query="multipart-manifest=delete&async=t").status == 503
    assert "/a/c/slo" in slo.swift.objects


def test_the_operator_may_forbid_asynchronous_deletes() -> None:
    world = World(allow_async_delete=False)
    world.plain()
    answer = world("DELETE", query="multipart-manifest=delete&async=yes")
    assert b"Number Deleted: 4\n" in answer.body


# Listings


def test_listings_tell_large_objects_etags_apart(world: World) -> None:
    rows = [
        {"name": "slo", "hash": "aa; slo_etag=bb", "bytes": 1},
        {"name": "s3", "hash": "aa; s3_etag=c/%C3; slo_etag=bb", "bytes": 1},
        {"name": "plain", "hash": "aa", "bytes": 1},
        {"subdir": "x/"},
    ]
    body = json.dumps(rows).encode()
    headers = [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", "7")]
    world.app.app = Canned(200, headers, [body])
    answer = world(path="/v1/a/c")
    assert json.loads(answer.body) == [
        {"name": "slo", "hash": "aa", "slo_etag": '"bb"', "bytes": 1},
        {"name": "s3", "hash": "aa; s3_etag=c/%C3", "slo_etag": '"bb"', "bytes": 1},
        {"name": "plain", "hash": "aa", "bytes": 1},
        {"subdir": "x/"},
    ]
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("body", [b"slo_etag=", b"{}", b'["slo_etag="]', b'[{"hash":"slo_etag="}]'])
def test_listings_that_are_none_are_left_alone(world: World, body: bytes) -> None:
    world.app.app = Canned(200, [("Content-Type", "application/json")], [body])
    assert world(path="/v1/a/c").status == 200


@pytest.mark.parametrize("query", ["multipart-manifest=put&x=%ff", "%ff", "multipart-manifest=%c3"])
def test_a_query_that_is_not_utf8_is_the_clients_fault(world: World, query: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        assert 400 <= world(method, query=query).status < 500
