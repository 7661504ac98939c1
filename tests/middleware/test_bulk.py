"""Bulk deletion and extraction over a proxy in memory."""

from __future__ import annotations

import gzip
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from swiftlite.middleware.bulk import Bulk
from swiftlite.middleware.bulk.options import BulkOptions
from swiftlite.vocab.errors import ClientGone
from swiftlite.vocab.limits import Limits
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.large import FakeHost
from tests.middleware.parts import Canned, ListLog
from tests.middleware.test_bulk_tar import archive
from tests.web.environs import Answer, make_environ


class World:
    def __init__(self, limits: Limits | None = None, **options: Any) -> None:  # noqa: ANN401  # options
        self.swift = FakeSwift()
        self.host = FakeHost()
        self.log = ListLog()
        self.app = Bulk(
            self.swift,
            BulkOptions(**options),
            limits or Limits(),
            host=self.host,  # type: ignore[arg-type]
            log=self.log,  # type: ignore[arg-type]
        )
        for name in ("a", "b", "ü x"):
            self.swift.put(f"/acc/c/{name}", b"body")

    def delete(self, body: bytes, method: str = "POST", path: str = "/v1/acc", **h: Any) -> Any:  # noqa: ANN401  # JSON
        answer = Answer(
            self.app,
            make_environ(
                method, path, query="bulk-delete", body=body, Accept="application/json", **h
            ),
        )
        self.status = answer.status
        return json.loads(answer.body)

    def extract(
        self,
        body: bytes,
        path: str = "/v1/acc",
        form: str = "tar",
        **h: Any,  # noqa: ANN401  # strings
    ) -> Any:  # noqa: ANN401  # JSON
        answer = Answer(
            self.app,
            make_environ(
                "PUT",
                path,
                query=f"extract-archive={form}",
                body=body,
                **{"Accept": "application/json", **h},
            ),
        )
        self.status = answer.status
        return json.loads(answer.body)


@pytest.fixture
def world() -> World:
    return World()


# Deletion


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_objects_and_containers_are_deleted_by_name(world: World, method: str) -> None:
    report = world.delete(b"c/a\n/c/b\r\n\n  c/%C3%BC%20x \n/c/none\n/c\n", method)
    assert world.status == 200
    assert report == {
        "Number Deleted": 4,
        "Number Not Found": 1,
        "Response Status": "200 OK",
        "Response Body": "",
        "Errors": [],
    }
    assert world.swift.objects == {}
    assert world.swift.containers == {}
    paths = [path for verb, path in world.swift.calls]
    assert all(path.endswith("?multipart-manifest=get") for path in paths)


def test_a_container_that_is_not_empty_is_an_error(world: World) -> None:
    report = world.delete(b"/c/a\n/c\n")
    assert report["Response Status"] == "400 Bad Request"
    assert report["Errors"] == [["/c", "409 Conflict"]]
    assert report["Number Deleted"] == 1


def test_a_container_is_tried_again_where_the_operator_says_so() -> None:
    world = World(delete_container_retry_count=2)
    world.delete(b"/c\n")
    assert world.host.tasks.slept == [1.5, 1.5**2]


def test_errors_have_quoted_names_in_every_form(world: World) -> None:
    world.swift.answers["DELETE", "/v1/acc/c/<&> ü"] = 403
    for accept in ("text/plain", "application/json", "application/xml"):
        environ = make_environ(
            "POST", "/v1/acc", query="bulk-delete", body="c/<&> ü".encode(), Accept=accept
        )
        body = Answer(world.app, environ).body
        assert b"/c/%3C%26%3E%20%C3%BC" in body
        assert b"403 Forbidden" in body
        if accept == "application/xml":
            root = ElementTree.fromstring(body)
            assert root.tag == "delete"
            assert root.findtext("errors/object/name") == "/c/%3C%26%3E%20%C3%BC"
            assert root.findtext("response_status") == "400 Bad Request"


@pytest.mark.parametrize("body", [b"", b"\n\n  \n"])
def test_no_names_are_no_deletion(world: World, body: bytes) -> None:
    environ = make_environ(
        "POST", "/v1/acc", query="bulk-delete", body=body, Content_Length=str(len(body))
    )
    assert b"Invalid bulk delete." in Answer(world.app, environ).body


@pytest.mark.parametrize("name", [b"/c/%ff", b"/c/\xff", b"/c/%00", b"%00"])
def test_names_that_are_none(world: World, name: bytes) -> None:
    report = world.delete(name)
    assert [status for _, status in report["Errors"]] == ["412 Precondition Failed"]
    assert not world.swift.calls


def test_a_name_that_is_too_long_ends_it(world: World) -> None:
    for body in (b"/c/a\n/c/" + b"x" * 100_000, b"/c/a\n/c/" + b"x" * 9000 + b"\n"):
        report = world.delete(body)
        assert report["Response Status"] == "400 Bad Request"
        assert report["Response Body"] == "Invalid File Name"


def test_too_many_names_end_it() -> None:
    world = World(max_deletes_per_request=2)
    report = world.delete(b"/c/a\n/c/b\n/c/c\n")
    assert report["Response Status"].startswith("413")
    assert report["Response Body"] == "Maximum Bulk Deletes: 2 per request"


def test_too_many_failures_end_it() -> None:
    world = World(max_failed_deletes=2, delete_concurrency=1)
    report = world.delete(b"\xff\n\xff\n/c/a\n")
    assert report["Response Body"] == "Max delete failures exceeded: 2"
    assert report["Number Deleted"] == 0


def test_a_server_error_makes_it_a_bad_gateway(world: World) -> None:
    world.swift.answers["DELETE", "/v1/acc/c/a"] = 503
    assert world.delete(b"/c/a\n/c/\xff\n")["Response Status"] == "502 Bad Gateway"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Length": ""}, 411),
        ({"Content_Length": "x"}, 411),
        ({"Accept": "image/png"}, 406),
    ],
)
def test_requests_that_are_no_list(world: World, headers: dict[str, str], status: int) -> None:
    environ = make_environ("POST", "/v1/acc", query="bulk-delete", body=b"c/a")
    environ.update({key.upper(): value for key, value in headers.items()})
    if "Accept" in headers:
        environ["HTTP_ACCEPT"] = headers["Accept"]
    assert Answer(world.app, environ).status in (status, 400)
    assert "/acc/c/a" in world.swift.objects


def test_a_client_that_leaves_in_its_list(world: World) -> None:
    class Leaving:
        def read(self, _n: int) -> bytes:
            raise ClientGone

    environ = make_environ("POST", "/v1/acc", query="bulk-delete", Content_Length="9")
    environ["wsgi.input"] = Leaving()
    assert b"Response Status: 400" in Answer(world.app, environ).body


def test_subrequests_have_the_clients_rights(world: World) -> None:
    world.delete(b"/c/a", X_Auth_Token="t", X_Service_Token="s")
    environ = world.swift.environs[0]
    assert environ["HTTP_X_AUTH_TOKEN"] == "t"
    assert environ["HTTP_X_SERVICE_TOKEN"] == "s"
    assert environ["swift.source"] == "BD"


# Extraction


def test_files_become_objects_and_directories_containers(world: World) -> None:
    report = world.extract(
        archive(("new/a", b"x" * 700), ("./new/d/b", b""), ("c/ü", b"y"), ("/e/f", b"z"))
    )
    assert world.status == 200
    assert report == {
        "Number Files Created": 4,
        "Response Status": "201 Created",
        "Response Body": "",
        "Errors": [],
    }
    assert world.swift.body("/acc/new/a") == b"x" * 700
    assert world.swift.body("/acc/new/d/b") == b""
    assert world.swift.body("/acc/c/ü") == b"y"
    heads = [path for verb, path in world.swift.calls if verb == "HEAD"]
    assert heads == ["/v1/acc/new", "/v1/acc/c", "/v1/acc/e"]


@pytest.mark.parametrize(
    ("path", "stored"),
    [("/v1/acc/c", "/acc/c/f"), ("/v1/acc/c/p/q", "/acc/c/p/q/f"), ("/v1/acc/c/", "/acc/c/f")],
)
def test_below_a_container_or_a_prefix(world: World, path: str, stored: str) -> None:
    assert world.extract(archive(("f", b"x")), path)["Number Files Created"] == 1
    assert world.swift.body(stored) == b"x"


def test_a_file_in_no_container_is_left_out(world: World) -> None:
    report = world.extract(archive(("f", b"x"), ("c/g", b"y"), ("c/", b"")))
    assert report["Number Files Created"] == 1


def test_compressed_archives(world: World) -> None:
    data = gzip.compress(archive(("c/z", b"z" * 100_000)))
    assert world.extract(data, form="tar.gz")["Number Files Created"] == 1
    assert world.swift.body("/acc/c/z") == b"z" * 100_000


def test_names_do_not_lead_anywhere_else(world: World) -> None:
    world.extract(archive(("../../etc/passwd", b"x"), ("c/../../x", b"y")))
    assert world.swift.body("/acc/c/../../x") == b"y", "a name like any other"
    assert "/acc/../../etc/passwd" in world.swift.objects


def test_attributes_become_headers_and_nothing_else_does(world: World) -> None:
    pax = {
        "SCHILY.xattr.user.mime_type": "text/fox",
        "SCHILY.xattr.user.meta.color": "röd",
        "SCHILY.xattr.user.meta.bad name": "x",
        "SCHILY.xattr.user.meta.inject": "x\r\nX-Evil: 1",
        "SCHILY.xattr.user.x-object-manifest": "c/p",
    }
    world.extract(archive(("c/f", b"x"), pax=pax), X_Delete_After="60")
    put = world.swift.environs[-1]
    assert put["CONTENT_TYPE"] == "text/fox"
    assert put["HTTP_X_OBJECT_META_COLOR"].encode("latin-1").decode() == "röd"
    assert put["HTTP_X_DELETE_AFTER"] == "60"
    assert not [key for key in put if "BAD" in key or "INJECT" in key or "MANIFEST" in key]


def test_what_is_no_archive(world: World) -> None:
    for form, body in (("tar", b"x" * 600), ("tar.gz", b"x"), ("tar.bz2", b"x")):
        report = world.extract(body, form=form)
        assert report["Response Status"] == "400 Bad Request"
        assert report["Response Body"].startswith("Invalid Tar File: ")
    report = world.extract(bytes(1024))
    assert report["Response Body"] == "Invalid Tar File: No Valid Files"


def test_an_unknown_format_is_refused(world: World) -> None:
    environ = make_environ("PUT", "/v1/acc", query="extract-archive=zip", body=b"x")
    assert Answer(world.app, environ).status == 400


def test_an_archive_that_ends_in_a_file_stores_no_part_of_it(world: World) -> None:
    report = world.extract(archive(("c/x", b"x" * 5000))[:2000])
    assert report["Number Files Created"] == 0
    assert "/acc/c/x" not in world.swift.objects


def test_files_over_the_limit_end_it() -> None:
    world = World(Limits(max_file_size=10))
    report = world.extract(archive(("c/x", b"x"), ("c/y", b"y" * 11), ("c/z", b"z")))
    assert report["Number Files Created"] == 1
    assert report["Errors"] == [["c/y", "413 Request Entity Too Large"]]


@pytest.mark.parametrize(
    ("name", "status"), [("c/" + "x" * 1025, "400"), ("x" * 257 + "/f", "400"), ("c/\udcff", "412")]
)
def test_names_that_are_none_of_an_object(world: World, name: str, status: str) -> None:
    report = world.extract(archive((name, b"x"), ("c/good", b"y")))
    assert report["Errors"][0][1].startswith(status)
    assert report["Number Files Created"] == 1


def test_a_refused_object_does_not_end_it_but_401_does(world: World) -> None:
    world.swift.answers["PUT", "/v1/acc/c/x"] = 403
    report = world.extract(archive(("c/x", b"x" * 3000), ("c/y", b"y")))
    assert report["Errors"] == [["c/x", "403 Forbidden"]]
    assert report["Number Files Created"] == 1
    world.swift.answers["PUT", "/v1/acc/c/x"] = 401
    report = world.extract(archive(("c/x", b"x"), ("c/z", b"y")))
    assert report["Response Status"] == "401 Unauthorized"
    assert "/acc/c/z" not in world.swift.objects


def test_too_many_containers_and_too_many_failures() -> None:
    world = World(max_containers_per_extraction=1)
    report = world.extract(archive(("n1/x", b"x"), ("n2/x", b"x")))
    assert report["Response Body"] == "More than 1 containers to create from tar."
    assert report["Number Files Created"] == 1
    world = World(max_failed_extractions=2)
    world.swift.put = None  # type: ignore[method-assign, assignment]
    for name in ("x", "y", "z"):
        world.swift.answers["PUT", f"/v1/acc/c/{name}"] = 412
    assert len(world.extract(archive(*((f"c/{n}", b"") for n in "xyz")))["Errors"]) == 2


def test_a_crash_is_a_500_in_the_report(world: World) -> None:
    def crash(request: Request) -> Response:
        raise RuntimeError("inside")

    world.swift._answer = crash  # type: ignore[method-assign]
    report = world.extract(archive(("c/x", b"x")))
    assert report["Response Status"] == "500 Internal Error"
    assert "inside" not in json.dumps(report)
    assert world.log.lines[-1][0] == "exception"


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", "bulk-delete"),
        ("PUT", "bulk-delete"),
        ("POST", "extract-archive=tar"),
        ("PUT", "x=extract-archive"),
        ("POST", ""),
    ],
)
def test_other_requests_pass(method: str, query: str) -> None:
    app = Canned(418)
    bulk = Bulk(app, BulkOptions(), Limits(), host=FakeHost(), log=ListLog())  # type: ignore[arg-type]
    assert Answer(bulk, make_environ(method, "/v1/acc", query=query)).status == 418


def test_an_authorise_callback_goes_along(world: World) -> None:
    environ = make_environ(
        "PUT", "/v1/acc", query="extract-archive=tar", body=archive(("c/x", b""))
    )
    environ["swift.authorize"] = lambda _request: standard_answer(401)
    assert b"401 Unauthorized" in Answer(world.app, environ).body
