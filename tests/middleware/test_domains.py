"""domain_remap and cname_lookup: hosts that stand for accounts."""

from __future__ import annotations

from typing import Any

import pytest

from swiftlite.config.load import options as read_options
from swiftlite.middleware.cname_lookup import CnameLookup, CnameLookupOptions
from swiftlite.middleware.domain_remap import DomainRemap, DomainRemapOptions
from tests.middleware.parts import Canned, ListLog
from tests.middleware.test_tempauth import SharedCache
from tests.web.environs import Answer, make_environ


def remap(host: str, path: str = "/o", app: Canned | None = None, **conf: str) -> Any:  # noqa: ANN401  # an answer, or a path
    app = app or Canned(200)
    options = read_options(DomainRemapOptions, conf, where="test")
    answer = Answer(DomainRemap(app, options), make_environ("GET", path, Host=host))
    return app.last["PATH_INFO"] if app.seen and not app.headers else answer


@pytest.mark.parametrize(
    ("host", "path", "mapped"),
    [
        ("c.auth-a.example.com", "/o", "/v1/AUTH_a/c/o"),
        ("c.AUTH_a.example.com:8080", "/o", "/v1/AUTH_a/c/o"),
        ("C.Auth-A.EXAMPLE.com", "/o", "/v1/AUTH_A/C/o"),
        ("auth-a.example.com", "/c/o", "/v1/AUTH_a/c/o"),
        ("c.auth-a.example.com", "/", "/v1/AUTH_a/c/"),
        ("c.auth-a.example.com", "", "/v1/AUTH_a/c/"),
        ("c.auth-a.example.com", "/v1/o", "/v1/AUTH_a/c/v1/o"),
        ("c.auth-a-b_c.example.com", "/o", "/o"),
        ("c.other-a.example.com", "/o", "/o"),
        ("c.auth-.example.com", "/o", "/o"),
        ("example.com", "/v1/a", "/v1/a"),
        ("example.org", "/v1/a", "/v1/a"),
        ("notexample.com", "/v1/a", "/v1/a"),
        ("127.0.0.1:8080", "/v1/a", "/v1/a"),
        ("", "/v1/a", "/v1/a"),
        ("\xff.auth-a.example.com", "/o", "/v1/AUTH_a/\xff/o"),
    ],
)
def test_hosts_become_paths(host: str, path: str, mapped: str) -> None:
    assert remap(host, path) == mapped


@pytest.mark.parametrize(
    "host", ["a.b.c.example.com", ".auth-a.example.com", "c..example.com", ".example.com"]
)
def test_hosts_that_are_no_account(host: str) -> None:
    assert remap(host).status == 400


def test_prefixes_are_the_operators() -> None:
    assert remap("c.a.example.com", reseller_prefixes="") == "/v1/a/c/o"
    assert remap("c.svc-a.example.com", reseller_prefixes="AUTH, Svc") == "/v1/Svc_a/c/o"
    assert remap("c.a.example.com", default_reseller_prefix="AUTH") == "/v1/AUTH_a/c/o"
    assert remap("c.auth-a.x.org", storage_domain="example.com, x.org") == "/v1/AUTH_a/c/o"
    assert remap("c.auth-a.example.com", path_root="/v1.0/") == "/v1.0/AUTH_a/c/o"


@pytest.mark.parametrize(
    ("path", "mapped"),
    [("/v1/o", "/v1/AUTH_a/c/o"), ("/v1", "/v1/AUTH_a/c/"), ("/v1x/o", "/v1/AUTH_a/c/v1x/o")],
)
def test_paths_may_be_mangled(path: str, mapped: str) -> None:
    assert remap("c.auth-a.example.com", path, mangle_client_paths="true") == mapped


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("/v1/AUTH_a/c/o/", "/o/"),
        ("http://c.auth-a.example.com/v1/AUTH_a/c/o/?x=1", "http://c.auth-a.example.com/o/?x=1"),
        ("/v1/AUTH_a/c", "/"),
        ("/v1/AUTH_a/c//evil.example/", "/evil.example/"),
        ("/v1/AUTH_b/c/o", "/v1/AUTH_b/c/o"),
        ("/v1/AUTH_a/cc/o", "/v1/AUTH_a/cc/o"),
        ("http://[", "http://["),
    ],
)
def test_locations_are_mapped_back(location: str, told: str) -> None:
    app = Canned(301, [("Location", location)])
    assert remap("c.auth-a.example.com", "/o", app).headers["location"] == told


# cname_lookup


class Names:
    def __init__(self, **names: str | None) -> None:
        self.names = names
        self.asked: list[str] = []

    def __call__(self, host: str) -> tuple[float, str | None]:
        self.asked.append(host)
        return 60.0, self.names.get(host.replace(".", "_"))


def look(host: str, names: Names, cache: Any = None, **conf: str) -> tuple[int, str | None]:  # noqa: ANN401  # any cache
    app = Canned(200)
    options = read_options(CnameLookupOptions, conf, where="test")
    environ = make_environ("GET", "/", Host=host)
    if cache is not None:
        environ["swift.cache"] = cache
    status = Answer(CnameLookup(app, options, names, log=ListLog()), environ).status  # type: ignore[arg-type]
    return status, app.last.get("HTTP_HOST") if app.seen else None


def test_a_host_is_followed_to_ours() -> None:
    names = Names(my_site_org="c.auth-a.example.com.")
    assert look("my.site.org:8080", names) == (200, "c.auth-a.example.com:8080")
    assert look("MY.site.org.", names) == (200, "c.auth-a.example.com")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "c.a.example.com:8080",
        "C.A.EXAMPLE.COM",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]:80",
    ],
)
def test_our_hosts_and_addresses_are_not_looked_up(host: str) -> None:
    names = Names()
    assert look(host, names)[0] == 200
    assert names.asked == []


def test_what_leads_elsewhere_is_refused() -> None:
    assert look("a.org", Names(a_org="b.org", b_org="c.example.com"))[0] == 400
    assert look("a.org", Names())[0] == 400
    assert look("a.org", Names(a_org="a.org"))[0] == 400
    assert look("a.org", Names(a_org="notexample.com"))[0] == 400
    for hostile in ("x" * 300 + ".org", "\xff.org"):
        names = Names()
        assert look(hostile, names)[0] == 400
        assert names.asked == []


def test_how_far_is_the_operators_choice() -> None:
    names = Names(a_org="b.org", b_org="c.example.com")
    assert look("a.org", names, lookup_depth="2") == (200, "c.example.com")


def test_answers_are_kept() -> None:
    names, cache = Names(a_org="c.example.com"), SharedCache()
    for _ in range(3):
        assert look("a.org", names, cache) == (200, "c.example.com")
        assert look("none.org", names, cache)[0] == 400
    assert names.asked == ["a.org", "none.org"]
