"""Listings as text, JSON and XML; what is no listing is left alone."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from swiftlite.middleware.listing_formats import ListingFormats
from swiftlite.vocab.limits import Limits
from swiftlite.web.wsgi import Environ
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ

OBJECTS = [
    {
        "name": "a&b<c>'\"ü",
        "hash": "d41d",
        "bytes": 3,
        "content_type": "text/plain",
        "last_modified": "2026-01-31T12:00:00.000000",
    },
    {"subdir": "photos/"},
]
CONTAINERS = [
    {"name": "c<1>", "count": 2, "bytes": 3, "last_modified": "2026-01-31T12:00:00.000000"},
    {"subdir": "x/"},
]
JSON_TYPE = ("Content-Type", "application/json; charset=utf-8")


def listing(rows: Any, *headers: tuple[str, str], status: int = 200) -> Canned:  # noqa: ANN401  # JSON
    body = json.dumps(rows).encode()
    own = [JSON_TYPE, ("Content-Length", str(len(body))), ("X-Other", "1"), *headers]
    return Canned(status, own, [body])


def ask(
    app: Canned,
    path: str = "/v1/a/c",
    query: str = "",
    method: str = "GET",
    **headers: Any,  # noqa: ANN401  # strings
) -> Answer:
    environ = make_environ(method, path, query=query, **headers)
    return Answer(ListingFormats(app, Limits()), environ)


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        ("", None, "text/plain"),
        ("format=plain", None, "text/plain"),
        ("format=json", None, "application/json"),
        ("format=xml", None, "application/xml"),
        ("format=XML", None, "application/xml"),
        ("format=other", None, "text/plain"),
        ("format=json", "text/xml", "application/json"),
        ("", "application/json", "application/json"),
        ("", "text/xml", "text/xml"),
        ("", "application/xml;q=0.5,text/xml", "text/xml"),
        ("", "*/*", "text/plain"),
        ("%66ormat=json", None, "application/json"),
        ("format=xml&format=json", None, "application/json"),
    ],
)
def test_the_form_is_the_one_asked_for(query: str, accept: str | None, content_type: str) -> None:
    app = listing(OBJECTS)
    headers = {} if accept is None else {"Accept": accept}
    answer = ask(app, query=query, **headers)
    assert answer.headers["content-type"] == f"{content_type}; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["x-other"] == "1"
    assert app.last["QUERY_STRING"].endswith("format=json")
    assert ("vary" in answer.headers) is (not query)


def test_other_parameters_reach_the_backend_untouched() -> None:
    app = listing([])
    ask(app, query="prefix=a%26b&format=xml&limit=3&delimiter=/&reverse")
    assert app.last["QUERY_STRING"] == "prefix=a%26b&limit=3&delimiter=/&reverse&format=json"


def test_what_the_client_asked_for_is_left_for_the_access_line() -> None:
    environ = make_environ("GET", "/v1/a/c", query="format=xml&limit=1")
    Answer(ListingFormats(listing([]), Limits()), environ)
    assert environ["QUERY_STRING"] == "format=xml&limit=1"


def test_text_of_a_container() -> None:
    assert ask(listing(OBJECTS)).body == "a&b<c>'\"ü\nphotos/\n".encode()


def test_names_in_xml_are_escaped_for_a_container() -> None:
    answer = ask(listing(OBJECTS), path="/v1/a/c%22".replace("%22", '"'), query="format=xml")
    root = ElementTree.fromstring(answer.body)
    assert (root.tag, root.attrib) == ("container", {"name": 'c"'})
    entry, subdir = root
    assert [(field.tag, field.text) for field in entry] == [
        ("name", "a&b<c>'\"ü"),
        ("hash", "d41d"),
        ("bytes", "3"),
        ("content_type", "text/plain"),
        ("last_modified", "2026-01-31T12:00:00.000000"),
    ]
    assert (subdir.tag, subdir.get("name"), subdir.findtext("name")) == (
        "subdir",
        "photos/",
        "photos/",
    )


def test_names_in_xml_are_escaped_for_an_account() -> None:
    answer = ask(listing(CONTAINERS), path="/v1/a<b>&", query="format=xml")
    assert b"c<1>" not in answer.body
    root = ElementTree.fromstring(answer.body)
    assert (root.tag, root.attrib) == ("account", {"name": "a<b>&"})
    assert root[0].findtext("name") == "c<1>"
    assert root[0].findtext("count") == "2"


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [("", 204, b""), ("format=json", 200, b"[]"), ("format=xml", 200, None)],
)
@pytest.mark.parametrize("backend", [listing([]), Canned(204, [JSON_TYPE], [])])
def test_an_empty_listing(query: str, status: int, body: bytes | None, backend: Canned) -> None:
    answer = ask(backend, query=query)
    assert answer.status == status
    if body is not None:
        assert answer.body == body
    else:
        assert ElementTree.fromstring(answer.body).tag == "container"


def test_reserved_names_are_not_shown() -> None:
    rows = [{"name": "\0versions\0c", "count": 1, "bytes": 1}, {"subdir": "\0x"}, CONTAINERS[0]]
    for query in ("", "format=json", "format=xml"):
        answer = ask(listing(rows), "/v1/a", query)
        assert b"versions" not in answer.body
        assert b"c" in answer.body
    allowed = ask(listing(rows), "/v1/a", "format=json", X_Backend_Allow_Reserved_Names="true")
    assert json.loads(allowed.body) == rows


def test_head_tells_the_type_without_a_body() -> None:
    app = Canned(204, [JSON_TYPE, ("X-Container-Object-Count", "7")], [])
    answer = ask(app, query="format=xml", method="HEAD")
    assert answer.status == 204
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["x-container-object-count"] == "7"
    assert ask(app, method="HEAD").headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "status"),
    [("image/png", 406), ("text/plain;q=0", 406), ("x", 400), ("text/plain;q=1_0", 400)],
)
def test_accept_that_cannot_be_met_or_read(accept: str, status: int) -> None:
    app = listing([])
    assert ask(app, Accept=accept).status == status
    assert not app.seen


def test_a_query_that_is_not_utf8_is_refused() -> None:
    assert ask(listing([]), query="format=%ff").status in (400, 412)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/a/c/o"),
        ("GET", "/v1/a/c//"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/"),
        ("GET", "/info"),
        ("GET", "/v9/a/c"),
        ("GET", "v1/a/c"),
        ("PUT", "/v1/a/c"),
        ("POST", "/v1/a"),
        ("DELETE", "/v1/a/c"),
    ],
)
def test_what_is_no_listing_is_not_touched(method: str, path: str) -> None:
    app = listing(OBJECTS)
    answer = ask(app, path, "format=xml", method)
    assert app.last["QUERY_STRING"] == "format=xml"
    assert json.loads(answer.body or b"[]") == OBJECTS


def test_a_slash_at_the_end_is_still_a_listing() -> None:
    assert ask(listing(OBJECTS), "/v1/a/c/").body.endswith(b"photos/\n")
    assert ask(listing(CONTAINERS), "/v1/a/").body == b"c<1>\nx/\n"


@pytest.mark.parametrize("status", [301, 401, 404, 412, 503])
def test_errors_pass(status: int) -> None:
    answer = ask(Canned(status, [("Content-Type", "text/html")], [b"<html>"]))
    assert (answer.status, answer.body) == (status, b"<html>")


@pytest.mark.parametrize(
    "rows", [{}, 7, None, [7], [[]], [{}], [{"name": "x"}], [{"name": "x", "bytes": 1}]]
)
def test_json_that_is_no_listing_passes(rows: object) -> None:
    answer = ask(listing(rows))
    assert json.loads(answer.body) == rows
    assert answer.headers["content-length"] == str(len(answer.body))


def test_what_is_no_json_passes() -> None:
    answer = ask(Canned(200, [("Content-Type", "text/html")], [b"<html>"]))
    assert answer.body == b"<html>"
    answer = ask(Canned(200, [JSON_TYPE], [b"{"]))
    assert answer.body == b"{"


def test_a_filter_that_speaks_for_itself_is_left_alone() -> None:
    def clear(environ: Environ) -> None:
        environ["swift.format_listing"] = False

    body = json.dumps(OBJECTS).encode()
    answer = ask(Canned(200, [JSON_TYPE], [body], then=clear), query="format=xml")
    assert answer.body == body


def test_vary_is_added_once() -> None:
    for known, told in (("Origin", "Origin, Accept"), ("Origin, accept", "Origin, accept")):
        assert ask(listing([], ("Vary", known))).headers["vary"] == told
