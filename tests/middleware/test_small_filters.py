"""read_only, name_check, crossdomain and etag_quoter."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from swiftlite.config.load import ConfError
from swiftlite.config.load import options as read_options
from swiftlite.infocache.info import AccountInfo, ContainerInfo
from swiftlite.middleware.crossdomain import Crossdomain, CrossdomainOptions
from swiftlite.middleware.etag_quoter import EtagQuoter, EtagQuoterOptions
from swiftlite.middleware.name_check import NameCheck, NameCheckOptions
from swiftlite.middleware.read_only import ReadOnly, ReadOnlyOptions
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ

# read_only


def write(
    method: str,
    path: str = "/v1/a/c/o",
    *,
    everywhere: bool = False,
    told: str = "",
    other: str = "",
    deletes: bool = False,
    **headers: Any,  # noqa: ANN401  # strings
) -> int:
    environ = make_environ(method, path, **headers)
    environ["swift.infocache"] = {
        "account/a": AccountInfo(204, sysmeta={"read-only": told}),
        "account/b": AccountInfo(204, sysmeta={"read-only": other}),
    }
    options = ReadOnlyOptions(read_only=everywhere, allow_deletes=deletes)
    return Answer(ReadOnly(Canned(200), options), environ).status


@pytest.mark.parametrize(
    ("everywhere", "told", "status"),
    [
        (False, "", 200),
        (False, "true", 405),
        (False, "false", 200),
        (False, "junk", 200),
        (True, "", 405),
        (True, "true", 405),
        (True, "false", 200),
    ],
)
def test_writes_to_read_only_accounts(everywhere: bool, told: str, status: int) -> None:
    for method in ("PUT", "POST", "DELETE", "COPY"):
        for path in ("/v1/a", "/v1/a/c", "/v1/a/c/o"):
            assert write(method, path, everywhere=everywhere, told=told) == status
    for method in ("GET", "HEAD", "OPTIONS"):
        assert write(method, everywhere=everywhere, told=told) == 200


def test_deletes_may_be_allowed() -> None:
    assert write("DELETE", told="yes", deletes=True) == 200
    assert write("PUT", told="yes", deletes=True) == 405


def test_a_copy_writes_to_its_destination() -> None:
    assert write("COPY", told="yes", Destination_Account="b") == 200
    assert write("COPY", other="yes", Destination_Account="b") == 405
    assert write("COPY", other="yes", Destination_Account="%62") == 405


def test_paths_of_no_account_are_no_writes() -> None:
    for path in ("/info", "/auth/v1.0", "/", "v1/a"):
        assert write("POST", path, everywhere=True) == 200


# name_check


def check(path: str, **conf: str) -> int:
    options = read_options(NameCheckOptions, conf, where="test")
    environ = make_environ("PUT", path.encode().decode("latin-1"))
    return Answer(NameCheck(Canned(201), options), environ).status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/a/c/o", 201),
        ("/v1/a/c/ö.txt", 201),
        ("/v1/a/c/o.", 201),
        ("/v1/a/c/.hidden", 201),
        ("/v1/a/c/o'", 400),
        ('/v1/a/c/o"', 400),
        ("/v1/a/c/o`", 400),
        ("/v1/a/c/<o", 400),
        ("/v1/a/c/%3Co", 201),
        ("/v1/a/c/./o", 400),
        ("/v1/a/c/../o", 400),
        ("/v1/a/c/..", 400),
        ("/v1/a/c/.", 400),
        ("/v1/a/c/" + "x" * 247, 201),
        ("/v1/a/c/" + "x" * 248, 400),
        ("/v1/a/c/" + "ö" * 247, 201),
        ("/v1/a/c/%ff", 201),
    ],
)
def test_names(path: str, status: int) -> None:
    assert check(path) == status


def test_what_is_forbidden_is_the_operators_choice() -> None:
    conf = {"forbidden_chars": "x", "maximum_length": "20", "forbidden_regexp": "^/v1/bad"}
    assert check("/v1/a/c/'o'", **conf) == 201
    assert check("/v1/a/c/x", **conf) == 400
    assert check("/v1/a/c/" + "y" * 20, **conf) == 400
    assert check("/v1/bad/c/o", **conf) == 400
    assert check("/v1/a/c/../x", forbidden_chars="", forbidden_regexp="") == 201
    with pytest.raises(ConfError, match="forbidden_regexp"):
        check("/", forbidden_regexp="(")


# crossdomain


def test_the_policy_is_an_xml_document() -> None:
    app = Crossdomain(Canned(404), CrossdomainOptions())
    answer = Answer(app, make_environ("GET", "/crossdomain.xml"))
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "cross-domain-policy"
    assert root[0].attrib == {"domain": "*", "secure": "false"}
    assert Answer(app, make_environ("HEAD", "/crossdomain.xml")).body == b""
    assert Answer(app, make_environ("PUT", "/crossdomain.xml")).status == 405
    assert Answer(app, make_environ("GET", "/crossdomain.xml/")).status == 404


def test_the_policy_is_the_operators() -> None:
    app = Crossdomain(Canned(), CrossdomainOptions('<allow-access-from domain="x"/>\n<y/>'))
    answer = Answer(app, make_environ("GET", "/crossdomain.xml"))
    assert len(ElementTree.fromstring(answer.body)) == 2


# etag_quoter


def etag(
    stored: str = "abc",
    *,
    account: str = "",
    container: str = "",
    default: bool = False,
    method: str = "GET",
    path: str = "/v1/a/c/o",
) -> str | None:
    environ = make_environ(method, path)
    environ["swift.infocache"] = {
        "account/a": AccountInfo(204, sysmeta={"rfc-compliant-etags": account}),
        "container/a/c": ContainerInfo(204, sysmeta={"rfc-compliant-etags": container}),
    }
    app = EtagQuoter(Canned(200, [("Etag", stored)]), EtagQuoterOptions(default))
    return Answer(app, environ).headers.get("etag")


@pytest.mark.parametrize(
    ("account", "container", "default", "quoted"),
    [
        ("", "", False, False),
        ("", "", True, True),
        ("True", "", False, True),
        ("True", "False", False, False),
        ("False", "True", False, True),
        ("False", "", True, False),
        ("", "False", True, False),
    ],
)
def test_who_decides(account: str, container: str, default: bool, quoted: bool) -> None:
    for method in ("GET", "HEAD", "PUT"):
        told = etag(account=account, container=container, default=default, method=method)
        assert told == ('"abc"' if quoted else "abc")


@pytest.mark.parametrize("stored", ['"abc"', 'W/"abc"'])
def test_what_has_quotes_is_left(stored: str) -> None:
    assert etag(stored, default=True) == stored


def test_containers_have_no_etag_to_quote() -> None:
    assert etag(default=True, path="/v1/a/c") == "abc"
    assert etag(default=True, path="/info") == "abc"


@pytest.mark.parametrize(("kind", "path"), [("Account", "/v1/a"), ("Container", "/v1/a/c")])
@pytest.mark.parametrize(
    ("sent", "kept"), [("true", "True"), ("no", "False"), ("x", "False"), ("", ""), (" ", "")]
)
def test_choosing_and_seeing_the_choice(kind: str, path: str, sent: str, kept: str) -> None:
    app = Canned(204, [(f"X-{kind}-Sysmeta-Rfc-Compliant-Etags", kept)])
    quoter = EtagQuoter(app, EtagQuoterOptions())
    headers: dict[str, Any] = {f"X_{kind}_Rfc_Compliant_Etags": sent}
    answer = Answer(quoter, make_environ("POST", path, **headers))
    assert app.last[f"HTTP_X_{kind.upper()}_SYSMETA_RFC_COMPLIANT_ETAGS"] == kept
    assert answer.headers.get(f"x-{kind.lower()}-rfc-compliant-etags", "") == kept
