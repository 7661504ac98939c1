from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from swiftlite.web import Request, Response
from swiftlite.web.subrequest import (
    BodyTooLarge,
    make_preauthed,
    make_subrequest,
    read_small_body,
    send,
)
from swiftlite.web.wsgi import Environ, StartResponse
from tests.web.environs import make_environ


def refuse_all(_: Request) -> Response:
    return Response(403)


def parent() -> Environ:
    return {
        **make_environ("PUT", "/v1/a/c/o", body=b"xyz", If_Match="abc", Range="bytes=0-1"),
        "swift.authorize": refuse_all,
        "swift.trans_id": "tx1",
        "swift.infocache": {"container/a/c": 1},
        "REMOTE_USER": "test:tester",
        "HTTP_USER_AGENT": "curl",
    }


def test_a_subrequest_keeps_identity_and_caches_but_not_body_and_conditions() -> None:
    origin = parent()
    request = make_subrequest(origin, "GET", "/v1/a/c/ü x", query="format=json", source="SLO")
    assert request.environ["PATH_INFO"] == "/v1/a/c/\xc3\xbc x"
    assert request.environ["RAW_PATH_INFO"] == "/v1/a/c/%C3%BC%20x"
    assert request.environ["QUERY_STRING"] == "format=json"
    assert request.environ["swift.authorize"] is refuse_all
    assert request.environ["swift.infocache"] is origin["swift.infocache"]
    assert request.environ["swift.source"] == "SLO"
    assert request.trans_id == "tx1"
    assert request.get_header("If-Match") is None
    assert request.get_header("Range") is None
    assert request.read_body(10) == b""


def test_a_preauthed_request_has_every_right_and_no_name() -> None:
    request = make_preauthed(parent(), "PUT", "/v1/a/c/o", body=b"12", agent="%(orig)s SLO")
    assert request.environ["swift.authorize"](request) is None
    assert request.environ["swift.authorize_override"] is True
    assert "REMOTE_USER" not in request.environ
    assert request.get_header("User-Agent") == "curl SLO"
    assert request.read_body(10) == b"12"


def test_headers_are_added() -> None:
    request = make_subrequest(parent(), "GET", "/v1/a", headers={"X-Newest": "true"})
    assert request.true_header("X-Newest")


def test_send_gives_the_answer_and_leaves_the_body_unread() -> None:
    response = send(Response(206, {"X-A": "1"}, b"body"), make_subrequest(parent(), "GET", "/v1"))
    assert response.status_int == 206
    assert response.get_header("X-A") == "1"
    assert read_small_body(response, 10) == b"body"


class LateApp:
    """An app that calls start_response only when its body is asked for, as PEP 3333 allows."""

    closed = False

    def __call__(self, _: Environ, start_response: StartResponse) -> Iterable[bytes]:
        app = self

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                start_response("200 Fine", [("X-A", "1")])
                yield b"one"
                yield b"two"

            def close(self) -> None:
                app.closed = True

        return Body()


def test_an_app_may_start_its_response_late() -> None:
    app = LateApp()
    response = send(app, make_subrequest(parent(), "GET", "/v1"))
    assert response.status == "200 Fine"
    assert read_small_body(response, 10) == b"onetwo"
    assert app.closed


def test_a_body_beyond_the_limit_is_an_error_and_closed() -> None:
    app = LateApp()
    response = send(app, make_subrequest(parent(), "GET", "/v1"))
    with pytest.raises(BodyTooLarge):
        read_small_body(response, 4)
    assert app.closed
