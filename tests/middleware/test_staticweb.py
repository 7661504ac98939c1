"""Containers as web sites, over a proxy in memory."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from swiftlite.config.load import ConfError
from swiftlite.config.load import options as read_options
from swiftlite.infocache.info import ContainerInfo
from swiftlite.middleware.staticweb import StaticWeb
from swiftlite.middleware.staticweb.filter import StaticWebOptions
from swiftlite.middleware.staticweb.page import Style, css_url, human_size, listing_page
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from tests.middleware.fake_swift import FakeSwift
from tests.web.environs import Answer, make_environ


class Delimited(FakeSwift):
    """FakeSwift's listing, with delimiter=/."""

    def _list(self, request: Request, path: str) -> Response:
        if path.count("/") == 1 or path not in self.containers:
            return super()._list(request, path)
        prefix = request.params_text.get("prefix", "")
        rows: dict[str, dict[str, Any]] = {}
        for full, stored in sorted(self.objects.items()):
            name = full.removeprefix(path + "/")
            if not full.startswith(f"{path}/{prefix}"):
                continue
            head, slash, _ = name[len(prefix) :].partition("/")
            if slash:
                rows[prefix + head + "/"] = {"subdir": prefix + head + "/"}
            else:
                rows[name] = {
                    "name": name,
                    "bytes": len(stored.body),
                    "content_type": stored.content_type,
                    "last_modified": "2026-01-31T12:00:00.000000",
                }
        import json

        limit = int(request.params_text.get("limit", "10000"))
        return Response(
            200, {"Content-Type": "application/json"}, json.dumps(list(rows.values())[:limit])
        )


class World:
    def __init__(self, url_base: str = "", **meta: str) -> None:
        self.swift = Delimited()
        options = read_options(StaticWebOptions, {"url_base": url_base}, where="test")
        self.app = StaticWeb(self.swift, options)
        self.meta = {"web-" + name.replace("_", "-"): value for name, value in meta.items()}
        self.swift.containers["/a/c"] = {}

    def __call__(
        self,
        path: str = "/v1/a/c/",
        method: str = "GET",
        query: str = "",
        user: str = "",
        **h: Any,  # noqa: ANN401  # strings
    ) -> Answer:
        environ = make_environ(
            method, path.encode().decode("latin-1"), query=query, Host="here", **h
        )
        environ["swift.infocache"] = {"container/a/c": ContainerInfo(204, meta=self.meta)}
        environ["swift.authorize"] = lambda _request: None
        if user:
            environ["REMOTE_USER"] = user
        return Answer(self.app, environ)


def site(**meta: str) -> World:
    world = World(**meta)
    world.swift.put("/a/c/index.html", b"<home>", Content_Type="text/html")
    world.swift.put("/a/c/d/index.html", b"<d>", Content_Type="text/html")
    world.swift.put("/a/c/d/x", b"x" * 2000)
    world.swift.put("/a/c/404error.html", b"<lost>", Content_Type="text/html")
    return world


# Index pages


def test_an_index_page_stands_for_its_directory() -> None:
    world = site(index="index.html")
    assert world("/v1/a/c/").body == b"<home>"
    assert world("/v1/a/c/d/").body == b"<d>"
    assert world("/v1/a/c/d/x").body == b"x" * 2000
    assert world("/v1/a/c/", "HEAD").status == 200


@pytest.mark.parametrize("path", ["/v1/a/c", "/v1/a/c/d"])
def test_a_directory_without_its_slash_is_redirected(path: str) -> None:
    for meta in ({"index": "index.html"}, {"listings": "true"}):
        answer = site(**meta)(path)
        assert (answer.status, answer.headers["location"]) == (301, f"http://here{path}/")


def test_redirects_name_the_host_that_the_operator_says() -> None:
    for base, location in (
        ("https://example.org", "https://example.org/v1/a/c/"),
        ("https://", "https://here/v1/a/c/"),
        ("//example.org", "http://example.org/v1/a/c/"),
    ):
        world = World(base, listings="true")
        assert world("/v1/a/c").headers["location"] == location
    for bad in ("example", "http://x/path", "http://x?y"):
        with pytest.raises(ConfError, match="url_base"):
            World(bad)


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/v1//evil.example", "/v1/a/c/\r\nX-Evil: 1", "/v1/a/c/%2F%2Fevil"]
)
def test_no_redirect_leads_to_another_host(path: str) -> None:
    world = site(listings="true")
    world.swift.put("/a/c/" + path.removeprefix("/v1/a/c/") + "/x", b"x")
    location = world(path).headers.get("location", "http://here/v1/a/c/")
    assert location.startswith("http://here/v1/a/c/")
    assert "\r" not in location
    assert "\n" not in location


# Listings


class Links(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_listing_shows_directories_and_objects() -> None:
    answer = site(listings="true")()
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert answer.headers["x-backend-content-generator"] == "staticweb"
    page = Links(answer.body)
    assert page.links == ["./d/", "./404error.html", "./index.html"]
    below = Links(site(listings="true")("/v1/a/c/d/").body)
    assert below.links == ["../", "./index.html", "./x"]
    assert "2Ki" in below.text
    assert "2026-01-31 12:00:00" in below.text
    assert "Listing of /v1/a/c/d/" in below.text


def test_names_labels_and_styles_do_not_run() -> None:
    evil = '"><script>alert(1)</script>&'
    world = World(listings="true", listings_label=evil, listings_css=evil)
    for name in (evil, "javascript:alert(1)", "//evil.example/x", "data:text/html,x", evil + "/d"):
        world.swift.put(f"/a/c/{name}", b"", Content_Type='x"y/<b>')
    for path in ("/v1/a/c/", f"/v1/a/c/{evil}/"):
        answer = world(path)
        assert answer.status == 200
        page = Links(answer.body)
        assert "script" not in page.tags
        assert "b" not in page.tags
        assert evil in page.text
        for link in page.links[1:]:
            assert link.startswith(("./", "../")), link


def test_a_listing_that_is_not_wanted_is_a_404() -> None:
    answer = site(index="none.html")("/v1/a/c/")
    assert answer.status == 404
    assert b"Web Listing Disabled" in answer.body
    answer = site(index="none.html", error="error.html")("/v1/a/c/")
    assert (answer.status, answer.body) == (404, b"<lost>")


def test_an_empty_directory_is_not_there() -> None:
    assert site(listings="true")("/v1/a/c/none/").status == 404
    assert site(listings="true")("/v1/a/c/none").status == 404
    assert World(listings="true")().status == 200


def test_labels_and_styles_are_the_owners() -> None:
    world = site(listings="true", listings_label="My site/", listings_css="style.css")
    page = Links(world("/v1/a/c/d/").body)
    assert "Listing of My site/d/" in page.text
    assert page.links[0] == "../style.css"
    assert css_url("style.css", 0) == "style.css"
    assert css_url("https://x/y.css", 3) == "https://x/y.css"
    assert css_url("/v1/a/css/y.css", 3) == "/v1/a/css/y.css"


def test_a_container_that_may_not_be_listed() -> None:
    world = site(listings="true", error="error.html")
    world.swift.answers["GET", "/v1/a/c"] = 401
    assert world().status == 401
    world.swift.put("/a/c/401error.html", b"<who?>")
    answer = world()
    assert (answer.status, answer.body) == (401, b"<who?>")


# Errors


def test_an_error_page_is_shown_under_its_status() -> None:
    world = site(index="index.html", error="error.html")
    answer = world("/v1/a/c/none")
    assert (answer.status, answer.body) == (404, b"<lost>")
    assert answer.headers["content-length"] == "6"
    world.swift.answers["GET", "/v1/a/c/secret"] = 403
    assert world("/v1/a/c/secret").body != b"<lost>"


def test_an_error_page_is_whole_whatever_the_request_asked() -> None:
    world = site(index="index.html", error="error.html")
    answer = world("/v1/a/c/none", Range="bytes=0-1", If_None_Match="x", If_Match="y")
    assert (answer.status, answer.body) == (404, b"<lost>")


def test_a_challenge_survives_its_error_page() -> None:
    world = site(index="index.html", error="error.html")
    world.swift.put("/a/c/401error.html", b"<who?>")

    def authorize(request: Request) -> Response | None:
        if request.path_text.endswith("secret"):
            return standard_answer(401, {"Www-Authenticate": "Swift realm=x"})
        return None

    environ = make_environ("GET", "/v1/a/c/secret")
    environ["swift.infocache"] = {"container/a/c": ContainerInfo(204, meta=world.meta)}
    environ["swift.authorize"] = authorize
    answer = Answer(world.app, environ)
    assert (answer.status, answer.body) == (401, b"<who?>")
    assert answer.headers["www-authenticate"] == "Swift realm=x"


# Directory markers


def test_a_marker_is_a_directory_and_no_object() -> None:
    world = site(listings="true", index="index.html")
    world.swift.put("/a/c/m", b"", Content_Type="application/directory")
    world.swift.put("/a/c/m/x", b"x")
    world.swift.put("/a/c/big", b"content", Content_Type="application/directory")
    assert world("/v1/a/c/m").status == 301
    assert world("/v1/a/c/m/").status == 200
    assert world("/v1/a/c/big").body == b"content"
    other = site(listings="true", directory_type="text/dir")
    other.swift.put("/a/c/m", b"", Content_Type="text/dir;charset=x")
    assert other("/v1/a/c/m").status == 404
    plain = site()
    plain.swift.put("/a/c/m", b"", Content_Type="application/directory")
    assert plain("/v1/a/c/m").status == 200
    assert world.swift.open == plain.swift.open == 0


# Whom it concerns


def test_a_container_that_is_no_site_is_left_alone() -> None:
    world = site()
    assert world("/v1/a/c/d/x").body == b"x" * 2000
    assert world("/v1/a/c/none").status == 404
    assert world("/v1/a/c").headers["content-type"].startswith("application/json")
    assert world("/v1/a/c", X_Web_Mode="true").status == 404


def test_left_of_authentication_it_does_nothing() -> None:
    world = site(listings="true")
    environ = make_environ("GET", "/v1/a/c/")
    environ["swift.infocache"] = {"container/a/c": ContainerInfo(204, meta=world.meta)}
    assert b"Listing of" not in Answer(world.app, environ).body


def test_users_are_left_alone_unless_they_want_the_site() -> None:
    world = site(listings="true")
    assert world("/v1/a/c/", user="a,a:b").headers["content-type"].startswith("application/json")
    assert b"Listing of" in world("/v1/a/c/", user="a,a:b", X_Web_Mode="TRUE").body


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/v1/a/c/o"), ("POST", "/v1/a/c"), ("GET", "/v1/a"), ("GET", "/info")],
)
def test_other_requests_pass(method: str, path: str) -> None:
    world = site(listings="true", index="index.html")
    before = len(world.swift.calls)
    world(path, method)
    assert len(world.swift.calls) == before + 1


def test_a_bearer_of_a_temporary_url_keeps_it_from_page_to_page() -> None:
    world = site(listings="true")
    world.swift.put("/a/c/e/y", b"y")
    query = "temp_url_sig=s&temp_url_expires=9&temp_url_prefix=d/&x=y"
    page = Links(world("/v1/a/c/d/", query=query, user=".wsgi.tempurl").body)
    grant = "?temp_url_prefix=d%2F&temp_url_expires=9&temp_url_sig=s"
    assert page.links == [f"./index.html{grant}", f"./x{grant}"]
    page = Links(world("/v1/a/c/", query=query, user=".wsgi.tempurl").body)
    assert page.links == [f"./d/{grant}"]
    assert "e/" in page.text
    answer = world("/v1/a/c/d", query=query, user=".wsgi.tempurl")
    assert answer.headers["location"] == f"http://here/v1/a/c/d/?{query}"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0"),
        (1023, "1023"),
        (1024, "1Ki"),
        (2000, "2Ki"),
        (1 << 20, "1Mi"),
        ((1 << 20) - 1, "1Mi"),
        (5 << 40, "5Ti"),
        (None, "&nbsp;"),
        ("<b>", "&nbsp;"),
        (-1, "&nbsp;"),
    ],
)
def test_sizes(size: object, shown: str) -> None:
    assert human_size(size) == shown


def test_rows_of_strange_make_are_no_crash() -> None:
    page = listing_page(
        "l", "", [{}, {"name": 7}, {"subdir": None}, {"name": "x", "bytes": []}], Style()
    )
    assert "x</a>" in page
