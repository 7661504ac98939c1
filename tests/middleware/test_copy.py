"""Server-side copy, over a proxy in memory."""

from __future__ import annotations

from typing import Any

import pytest

from swiftlite.middleware.copy import ServerSideCopy
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import text_to_wsgi
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.parts import Canned, ListLog
from tests.web.environs import Answer, make_environ

BODY = b"The quick brown fox jumps over the lazy dog"


class Copying:
    def __init__(self, limits: Limits | None = None) -> None:
        self.swift = FakeSwift()
        self.log = ListLog()
        self.app = ServerSideCopy(self.swift, limits or Limits(), log=self.log)  # type: ignore[arg-type]
        self.swift.put(
            "/a/c/o",
            BODY,
            Content_Type="text/fox",
            X_Object_Meta_Color="red",
            X_Object_Sysmeta_Kept="yes",
            Content_Disposition="attachment",
            X_Delete_At="9999999999",
        )
        self.swift.containers["/a/d"] = {}
        self.swift.containers["/b/d"] = {}

    def __call__(self, method: str, path: str, query: str = "", **headers: Any) -> Answer:  # noqa: ANN401  # strings
        return Answer(self.app, make_environ(method, path, query=query, **headers))


@pytest.fixture
def copying() -> Copying:
    return Copying()


def test_copy_to_a_destination(copying: Copying) -> None:
    answer = copying("COPY", "/v1/a/c/o", Destination="d/new")
    assert answer.status == 201
    stored = copying.swift.objects["/a/d/new"]
    assert stored.body == BODY
    assert stored.headers == {
        "Content-Type": "text/fox",
        "X-Object-Meta-Color": "red",
        "X-Object-Sysmeta-Kept": "yes",
        "Content-Disposition": "attachment",
        "X-Delete-At": "9999999999",
    }
    assert answer.headers["x-copied-from"] == "c/o"
    assert answer.headers["x-copied-from-account"] == "a"
    assert "x-copied-from-last-modified" in answer.headers
    assert answer.headers["x-object-meta-color"] == "red"
    assert answer.headers["x-delete-at"] == "9999999999"
    assert copying.swift.open == 0


def test_put_from_a_source(copying: Copying) -> None:
    answer = copying("PUT", "/v1/a/d/new", X_Copy_From="/c/o", Content_Length="0")
    assert answer.status == 201
    assert copying.swift.body("/a/d/new") == BODY
    assert copying.swift.calls == [("GET", "/v1/a/c/o"), ("PUT", "/v1/a/d/new")]
    get, put = copying.swift.environs
    assert get["HTTP_X_NEWEST"] == "true"
    assert put["swift.source"] == "SSC"
    assert put["HTTP_ETAG"] == copying.swift.objects["/a/c/o"].etag
    assert not [key for key in put if "COPY_FROM" in key or key == "HTTP_DESTINATION"]


def test_the_method_for_the_log_is_the_clients(copying: Copying) -> None:
    environ = make_environ("COPY", "/v1/a/c/o", Destination="d/new")
    Answer(copying.app, environ)
    assert environ["swift.orig_req_method"] == "COPY"
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("COPY", "/v1/a/c/o")


@pytest.mark.parametrize("name", ["new name", "näme/with/slashes", "100%", "雪☃", "?x=1#y"])
def test_names_of_every_kind(copying: Copying, name: str) -> None:
    from swiftlite.vocab.names import quote_path

    answer = copying("COPY", "/v1/a/c/o", Destination="/d/" + quote_path(name))
    assert answer.status == 201
    assert copying.swift.body(f"/a/d/{name}") == BODY
    again = copying(
        "PUT", text_to_wsgi(f"/v1/a/c/back {name}"), X_Copy_From=quote_path(f"d/{name}")
    )
    assert again.status == 201
    assert again.headers["x-copied-from"] == quote_path(f"d/{name}")
    assert copying.swift.body(f"/a/c/back {name}") == BODY


def test_across_accounts_both_ways(copying: Copying) -> None:
    there = copying("COPY", "/v1/a/c/o", Destination="d/new", Destination_Account="b")
    assert there.status == 201
    assert copying.swift.body("/b/d/new") == BODY
    assert there.headers["x-copied-from-account"] == "a"
    here = copying("PUT", "/v1/a/d/back", X_Copy_From="d/new", X_Copy_From_Account="b")
    assert here.status == 201
    assert here.headers["x-copied-from-account"] == "b"


def test_headers_of_the_request_win(copying: Copying) -> None:
    copying(
        "COPY",
        "/v1/a/c/o",
        Destination="d/new",
        Content_Type="text/dog",
        X_Object_Meta_Color="blue",
        X_Object_Meta_Size="big",
    )
    headers = copying.swift.objects["/a/d/new"].headers
    assert headers["Content-Type"] == "text/dog"
    assert headers["X-Object-Meta-Color"] == "blue"
    assert headers["X-Object-Meta-Size"] == "big"
    assert headers["Content-Disposition"] == "attachment"


def test_fresh_metadata_leaves_the_sources_behind_but_not_the_systems(copying: Copying) -> None:
    copying(
        "COPY", "/v1/a/c/o", Destination="d/new", X_Fresh_Metadata="true", X_Object_Meta_Size="1"
    )
    assert copying.swift.objects["/a/d/new"].headers == {
        "Content-Type": "text/fox",
        "X-Object-Meta-Size": "1",
        "X-Object-Sysmeta-Kept": "yes",
    }


def test_a_range_copies_a_part_without_claiming_its_etag(copying: Copying) -> None:
    answer = copying("COPY", "/v1/a/c/o", Destination="d/part", Range="bytes=4-8")
    assert answer.status == 201
    assert copying.swift.body("/a/d/part") == b"quick"
    put = copying.swift.environs[-1]
    assert "HTTP_ETAG" not in put
    assert "HTTP_RANGE" not in put


def test_conditions_are_about_the_source(copying: Copying) -> None:
    etag = copying.swift.objects["/a/c/o"].etag
    assert copying("COPY", "/v1/a/c/o", Destination="d/x", If_Match="other").status == 412
    assert copying("COPY", "/v1/a/c/o", Destination="d/x", If_None_Match=etag).status == 304
    assert "/a/d/x" not in copying.swift.objects
    assert copying("COPY", "/v1/a/c/o", Destination="d/x", If_Match=etag).status == 201


def test_if_none_match_star_is_about_the_destination(copying: Copying) -> None:
    assert copying("COPY", "/v1/a/c/o", Destination="d/x", If_None_Match="*").status == 201
    assert copying("COPY", "/v1/a/c/o", Destination="d/x", If_None_Match="*").status == 412


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 412),
        ({"Destination": ""}, 412),
        ({"Destination": "/"}, 412),
        ({"Destination": "d"}, 412),
        ({"Destination": "d/"}, 412),
        ({"Destination": "//x"}, 412),
        ({"Destination": "d/%ff"}, 412),
        ({"Destination": "d/\xff"}, 412),
        ({"Destination": "d/x", "Destination_Account": ""}, 412),
        ({"Destination": "d/x", "Destination_Account": "b/c"}, 412),
        ({"Destination": "d/x", "Destination_Account": "b%2Fc"}, 412),
        ({"Destination": "d/x", "Destination_Account": "%ff"}, 412),
        ({"Destination": "missing/x"}, 404),
    ],
)
def test_bad_destinations(copying: Copying, headers: dict[str, Any], status: int) -> None:
    assert copying("COPY", "/v1/a/c/o", **headers).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Copy_From": "c"}, 412),
        ({"X_Copy_From": "/"}, 412),
        ({"X_Copy_From": "c/%c3"}, 412),
        ({"X_Copy_From": "c/missing"}, 404),
        ({"X_Copy_From": "c/o", "X_Copy_From_Account": "a/b"}, 412),
        ({"X_Copy_From": "c/o", "Content_Length": "3"}, 400),
        ({"X_Copy_From": "c/o", "Transfer_Encoding": "chunked"}, 400),
        ({"X_Copy_From": "c/o", "Content_Length": "x"}, 400),
    ],
)
def test_bad_sources(copying: Copying, headers: dict[str, Any], status: int) -> None:
    assert copying("PUT", "/v1/a/d/x", **headers).status == status
    assert "/a/d/x" not in copying.swift.objects


def test_a_source_over_the_limit_is_not_begun() -> None:
    copying = Copying(Limits(max_file_size=10))
    assert copying("COPY", "/v1/a/c/o", Destination="d/x").status == 413
    assert [verb for verb, _ in copying.swift.calls] == ["GET"]
    assert copying.swift.open == 0


def test_a_source_of_unknown_length_is_not_begun() -> None:
    app = Canned(200, [("Content-Type", "x/y")], [b"some"])
    copying = ServerSideCopy(app, Limits(), log=ListLog())  # type: ignore[arg-type]
    answer = Answer(copying, make_environ("COPY", "/v1/a/c/o", Destination="d/x"))
    assert (answer.status, len(app.seen)) == (413, 1)


def test_a_source_that_breaks_stores_nothing_and_is_not_the_clients_fault(
    copying: Copying,
) -> None:
    from swiftlite.vocab.errors import ClientGone

    def put(request: Request, path: str) -> Response:
        try:
            while request.body_reader.read(7):
                pass
        except ClientGone:
            return standard_answer(499)
        raise AssertionError("the body came to an end")

    copying.swift._put = put  # type: ignore[method-assign]
    copying.swift.breaks["/a/c/o"] = 20
    answer = copying("COPY", "/v1/a/c/o", Destination="d/x")
    assert answer.status == 503
    assert "backend gone" in copying.log.text()
    assert copying.swift.open == 0


def test_both_sides_are_authorised(copying: Copying) -> None:
    def only(*allowed: tuple[str, str]) -> Any:  # noqa: ANN401  # a callback of any shape
        def authorize(request: Request) -> Response | None:
            return None if (request.verb, request.path_text) in allowed else standard_answer(403)

        return authorize

    environ = make_environ("COPY", "/v1/a/c/o", Destination="d/x", Destination_Account="b")
    for allowed in ([("GET", "/v1/a/c/o")], [("PUT", "/v1/b/d/x")], [("COPY", "/v1/a/c/o")]):
        assert Answer(copying.app, {**environ, "swift.authorize": only(*allowed)}).status == 403
    both = only(("GET", "/v1/a/c/o"), ("PUT", "/v1/b/d/x"))
    assert Answer(copying.app, {**environ, "swift.authorize": both}).status == 201


def test_the_clients_connection_is_not_lent_to_subrequests(copying: Copying) -> None:
    environ = make_environ("COPY", "/v1/a/c/o", Destination="d/x")
    environ["swiftlite.stream"] = object()
    environ["swiftlite.continue"] = object()
    Answer(copying.app, environ)
    assert not [key for seen in copying.swift.environs for key in seen if key[:9] == "swiftlite"]


def test_copying_a_dlo_manifest_as_a_manifest(copying: Copying) -> None:
    copying.swift.put("/a/c/dlo", b"", X_Object_Manifest="segs/p")
    answer = copying("COPY", "/v1/a/c/dlo", "multipart-manifest=get", Destination="d/dlo")
    assert answer.status == 201
    assert copying.swift.objects["/a/d/dlo"].headers["X-Object-Manifest"] == "segs/p"
    assert copying.swift.calls == [
        ("GET", "/v1/a/c/dlo?multipart-manifest=get&format=raw"),
        ("PUT", "/v1/a/d/dlo"),
    ]


def test_copying_an_slo_manifest_as_a_manifest(copying: Copying) -> None:
    copying.swift.put(
        "/a/c/slo",
        b"[]",
        X_Static_Large_Object="True",
        X_Object_Sysmeta_Slo_Etag="old",
        X_Object_Sysmeta_Container_Update_Override_Etag="old",
    )
    copying("COPY", "/v1/a/c/slo", "multipart-manifest=get", Destination="d/slo")
    put = copying.swift.environs[-1]
    assert put["QUERY_STRING"] == "multipart-manifest=put"
    assert not [key for key in put if "SYSMETA" in key or key == "HTTP_ETAG"]


def test_copying_the_content_of_a_large_object(copying: Copying) -> None:
    for header in ("X_Static_Large_Object", "X_Object_Manifest"):
        copying.swift.put(
            "/a/c/large",
            BODY,
            **{header: "true", "X_Object_Sysmeta_Slo_Etag": "x"},
            X_Object_Sysmeta_Container_Update_Override_Etag="old",
        )
        copying("COPY", "/v1/a/c/large", Destination="d/flat")
        assert copying.swift.body("/a/d/flat") == BODY
        assert copying.swift.objects["/a/d/flat"].headers == {
            "Content-Type": "application/octet-stream"
        }


def test_a_version_is_not_asked_of_the_destination(copying: Copying) -> None:
    copying("COPY", "/v1/a/c/o", "version-id=5&x=1", Destination="d/x")
    assert copying.swift.calls == [
        ("GET", "/v1/a/c/o?version-id=5&x=1"),
        ("PUT", "/v1/a/d/x?x=1"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", "/v1/a/c/o", {}),
        ("PUT", "/v1/a/c", {"X_Copy_From": "c/o"}),
        ("GET", "/v1/a/c/o", {"X_Copy_From": "c/o", "Destination": "d/x"}),
        ("COPY", "/v1/a/c", {"Destination": "d/x"}),
        ("COPY", "/v1/a", {"Destination": "d/x"}),
        ("COPY", "/info", {"Destination": "d/x"}),
    ],
)
def test_what_is_no_copy_of_an_object_passes(
    method: str, path: str, headers: dict[str, Any]
) -> None:
    app = Canned(418)
    copying = ServerSideCopy(app, Limits(), log=ListLog())  # type: ignore[arg-type]
    assert Answer(copying, make_environ(method, path, **headers)).status == 418
    assert app.last["PATH_INFO"] == path


def test_options_of_an_object_tell_of_copy() -> None:
    headers = [("Allow", "GET, PUT"), ("Access-Control-Allow-Methods", "GET, PUT")]
    copying = ServerSideCopy(Canned(200, headers), Limits(), log=ListLog())  # type: ignore[arg-type]
    answer = Answer(copying, make_environ("OPTIONS", "/v1/a/c/o"))
    assert answer.headers["allow"] == "GET, PUT, COPY"
    assert answer.headers["access-control-allow-methods"] == "GET, PUT, COPY"
    assert "COPY" not in Answer(copying, make_environ("OPTIONS", "/v1/a/c")).headers["allow"]
