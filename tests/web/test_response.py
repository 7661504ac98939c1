from __future__ import annotations

from collections.abc import Iterator

import pytest

from swiftlite.web import Response
from swiftlite.web.response import text_headers
from tests.web.environs import Answer, make_environ


def test_it_answers_what_it_was_given_and_nothing_else() -> None:
    answer = Answer(Response(200, {"X-A": "1"}, b"hello"), make_environ())
    assert answer.status == 200
    assert answer.headers == {"x-a": "1", "content-length": "5"}
    assert answer.body == b"hello"


def test_text_is_sent_as_utf8() -> None:
    answer = Answer(Response(200, None, "grün"), make_environ())
    assert answer.body == "grün".encode()
    assert answer.headers["content-length"] == "5"


def test_head_keeps_the_length_and_sends_no_body() -> None:
    answer = Answer(Response(200, None, b"hello"), make_environ("HEAD"))
    assert answer.body == b""
    assert answer.headers["content-length"] == "5"


class Body:
    closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"block"

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
def test_a_body_that_is_not_sent_is_closed(method: str, status: int) -> None:
    body = Body()
    answer = Answer(Response(status, None, app_iter=body), make_environ(method))
    assert answer.body == b""
    assert body.closed


def test_an_app_iter_without_length_has_none() -> None:
    answer = Answer(Response(200, None, app_iter=[b"a", b"b"]), make_environ())
    assert "content-length" not in answer.headers
    assert answer.body == b"ab"


def test_a_given_length_is_not_doubled() -> None:
    response = Response(200, [("content-length", "7")])
    assert response.headerlist == [("content-length", "7")]


def test_the_callers_headers_are_copied() -> None:
    mine = [("X-A", "1")]
    Response(200, mine).headers["X-B"] = "2"
    assert mine == [("X-A", "1")]


def test_headers_are_webobs_mapping() -> None:
    response = Response(200, {"X-A": "1"})
    response.headers["x-a"] = "2"
    response.headers["X-B"] = "3"
    assert response.get_header("X-a") == "2"
    assert Answer(response, make_environ()).headers["x-b"] == "3"


def test_status_can_be_changed() -> None:
    response = Response(200)
    response.status_int = 404
    assert response.status_int == 404
    assert response.status == "404 Not Found"


def test_a_location_of_a_creation_becomes_absolute() -> None:
    response = Response(201, {"Location": "/v1/a"})
    assert Answer(response, make_environ()).headers["location"] == "http://localhost:8080/v1/a"
    host = make_environ(Host="store.example")
    assert Answer(response, host).headers["location"] == "http://store.example/v1/a"


def test_a_location_stays_relative_when_a_middleware_asks() -> None:
    environ = {**make_environ(), "swift.leave_relative_location": True}
    answer = Answer(Response(301, {"Location": "/v1/a"}), environ)
    assert answer.headers["location"] == "/v1/a"


def test_text_headers_become_wsgi_strings() -> None:
    assert text_headers({"X-Object-Meta-Ü": "grün", "X-A": "b"}) == [
        ("X-Object-Meta-\xc3\x9c", "gr\xc3\xbcn"),
        ("X-A", "b"),
    ]
