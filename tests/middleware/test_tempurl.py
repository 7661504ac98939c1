"""Temporary URLs: what a signature opens, and everything it does not."""

from __future__ import annotations

import base64
import hmac
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from swiftlite.config.load import ConfError
from swiftlite.config.load import options as read_options
from swiftlite.infocache.info import AccountInfo, ContainerInfo
from swiftlite.middleware.signatures import Key, Signature, matching_key, parse_signature
from swiftlite.middleware.tempurl import TempUrl, TempUrlOptions, disposition, parse_expires
from swiftlite.web.request import Request
from swiftlite.web.wsgi import Environ
from tests.middleware.parts import Canned, ListLog, SetClock
from tests.web.environs import Answer, make_environ

NOW = 1_700_000_000
LATER = NOW + 1000
HEADERS = [
    ("Content-Type", "x/y"),
    ("X-Object-Meta-Secret", "s"),
    ("X-Object-Meta-Public-Color", "red"),
]
PATH = "/v1/a/c/o"


def sign(
    verb: str = "GET",
    expires: int = LATER,
    path: str = PATH,
    key: str = "akey",
    digest: str = "sha256",
) -> str:
    return hmac.new(key.encode(), f"{verb}\n{expires}\n{path}".encode(), digest).hexdigest()


class World:
    def __init__(self, app: Canned | None = None, **conf: str) -> None:
        self.app = app or Canned(200, HEADERS, [b"body"])
        self.filter = TempUrl(
            self.app,
            read_options(TempUrlOptions, conf, where="test"),
            clock=SetClock(NOW),
            log=ListLog(),  # type: ignore[arg-type]
        )
        self.account = AccountInfo(204, meta={"temp-url-key": "akey", "temp-url-key-2": "akéy2"})
        self.container = ContainerInfo(204, meta={"temp-url-key": "ckey"})

    def environ(self, method: str, path: str, query: str, **headers: Any) -> Environ:  # noqa: ANN401  # strings
        environ = make_environ(method, path.encode().decode("latin-1"), query=query, **headers)
        environ["REMOTE_ADDR"] = "10.1.2.3"
        environ["swift.infocache"] = {
            "account/a": self.account,
            "container/a/c": self.container,
        }
        return environ

    def __call__(
        self,
        method: str = "GET",
        path: str = PATH,
        query: str | None = None,
        headers: Any = None,  # noqa: ANN401  # a dict of strings
        **params: Any,  # noqa: ANN401  # strings
    ) -> Answer:
        if query is None:
            query = urlencode({"temp_url_expires": LATER, **params})
        given: dict[str, Any] = dict(headers or {})
        self.last = self.environ(method, path, query, **given)
        return Answer(self.filter, self.last)

    @property
    def authorize(self) -> Any:  # noqa: ANN401  # the callback that the app found
        return self.app.last["swift.authorize"]


@pytest.fixture
def world() -> World:
    return World()


def test_a_signed_get_opens_the_object(world: World) -> None:
    answer = world(temp_url_sig=sign())
    assert (answer.status, answer.body) == (200, b"body")
    assert world.app.last["swift.authorize_override"] is True
    assert world.app.last["REMOTE_USER"] == ".wsgi.tempurl"
    assert answer.headers["expires"] == "Tue, 14 Nov 2023 22:30:00 GMT"


@pytest.mark.parametrize("key", ["akey", "akéy2", "ckey"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_every_key_and_digest(world: World, key: str, digest: str) -> None:
    hexed = sign(key=key, digest=digest)
    plain = base64.b64encode(bytes.fromhex(hexed)).decode()
    url = plain.replace("+", "-").replace("/", "_").rstrip("=")
    for form in (hexed, hexed.upper(), f"{digest}:{plain}", f"{digest}:{url}"):
        assert world(temp_url_sig=form).status == 200


@pytest.mark.parametrize(
    "sig",
    [
        "",
        "x",
        "0" * 64,
        sign()[:-1],
        sign()[:-1] + "g",
        sign() + "00",
        sign("PUT"),
        sign(expires=LATER + 1),
        sign(path="/v1/a/c/o2"),
        sign(key="other"),
        sign(digest="md5"),
        "sha256:",
        "sha256:===",
        "sha1:" + base64.b64encode(bytes.fromhex(sign())).decode(),
        "md5:" + base64.b64encode(bytes.fromhex(sign(digest="md5"))).decode(),
        "²" * 64,
        "é" * 64,
        "\x00" * 64,
        "٣" * 64,
    ],
)
def test_every_other_signature_is_refused(world: World, sig: str) -> None:
    answer = world(temp_url_sig=sig)
    assert answer.status == 401
    assert answer.body == b"401 Unauthorized: Temp URL invalid\n"
    assert not world.app.seen


@pytest.mark.parametrize(
    "query",
    [
        f"temp_url_sig={sign()}",
        f"temp_url_expires={LATER}",
        f"temp_url_sig={sign()}&temp_url_expires=",
        f"temp_url_sig={sign()}&temp_url_expires=x",
        f"temp_url_sig={sign()}&temp_url_expires=+{LATER}",
        f"temp_url_sig={sign()}&temp_url_expires=1_700_001_000",
        f"temp_url_sig={sign()}&temp_url_expires=" + "9" * 5000,
        f"temp_url_sig={sign()}&temp_url_expires=-1",
        f"temp_url_sig={sign()}&temp_url_expires={quote('²')}",
        f"temp_url_sig={sign()}&temp_url_expires=9999-99-99",
        f"temp_url_sig={sign(expires=NOW)}&temp_url_expires={NOW}",
        f"temp_url_sig={sign(expires=1)}&temp_url_expires=1",
        f"temp%5Furl%5Fsig=x&temp_url_expires={LATER}",
    ],
)
def test_half_late_and_hostile_grants_are_refused(world: World, query: str) -> None:
    assert world(query=query).status == 401
    assert not world.app.seen


def test_a_query_that_is_not_utf8_is_the_clients_fault(world: World) -> None:
    assert world(query=f"temp_url_sig={sign()}&temp_url_expires=%ff").status == 400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700001000", LATER),
        ("2023-11-14T22:30:00Z", LATER),
        ("2023-11-14T22:30:00", LATER),
        ("2023-11-15", 1700006400),
        ("2023-11-14 22:30", None),
        ("", None),
        ("now", None),
        ("1e9", None),
    ],
)
def test_times(text: str, seconds: int | None) -> None:
    assert parse_expires(text) == seconds


def test_an_iso_time_is_signed_as_a_number(world: World) -> None:
    query = urlencode({"temp_url_sig": sign(), "temp_url_expires": "2023-11-14T22:30:00Z"})
    assert world(query=query).status == 200


def test_a_percent_encoded_parameter_counts(world: World) -> None:
    assert world(query=f"temp%5Furl_sig={sign()}&temp_url_expires={LATER}").status == 200


@pytest.mark.parametrize("verb", ["HEAD", "GET", "PUT", "POST"])
def test_head_needs_any_key_to_the_object_but_that_of_delete(world: World, verb: str) -> None:
    assert world("HEAD", temp_url_sig=sign(verb)).status == 200
    assert world("HEAD", temp_url_sig=sign("DELETE")).status == 401


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_other_methods_need_their_own(world: World, method: str) -> None:
    assert world(method, temp_url_sig=sign(method)).status == 200
    assert world(method, temp_url_sig=sign("GET")).status == 401
    assert World(methods="GET HEAD")(method, temp_url_sig=sign(method)).status == 401


@pytest.mark.parametrize("method", ["COPY", "BREW", "get"])
def test_methods_that_cannot_be_signed(world: World, method: str) -> None:
    assert world(method, temp_url_sig=sign(method)).status == 401


@pytest.mark.parametrize("path", ["/v1/a/c/ö x/%", "/v1/a/c//o", "/v1/a/c/雪"])
def test_names_of_every_kind(world: World, path: str) -> None:
    assert world(path=path, temp_url_sig=sign(path=path)).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/a/c", "/v1/a", "/v1/a/c/", "/v1/a/c///", "/v2/a/c/o", "/info"]
)
def test_paths_that_are_no_object(world: World, path: str) -> None:
    assert world(path=path, temp_url_sig=sign(path=path)).status == 401


def test_a_prefix_opens_all_below_it(world: World) -> None:
    sig = sign(path="prefix:/v1/a/c/pre")
    assert world(path="/v1/a/c/pre/x", temp_url_sig=sig, temp_url_prefix="pre").status == 200
    assert world(path="/v1/a/c/other", temp_url_sig=sig, temp_url_prefix="pre").status == 401
    assert world(path="/v1/a/c/pre/x", temp_url_sig=sig, temp_url_prefix="pr").status == 401
    assert world(path="/v1/a/c/pre/x", temp_url_sig=sig).status == 401
    everything = sign(path="prefix:/v1/a/c/")
    assert world(path="/v1/a/c/x", temp_url_sig=everything, temp_url_prefix="").status == 200


@pytest.mark.parametrize(
    ("ip_range", "status"),
    [
        ("10.1.2.3", 200),
        ("10.1.2.0/24", 200),
        ("10.9.0.0/16", 401),
        ("::/0", 401),
        ("x", 401),
        ("10.1.2.3/24", 401),
        ("", 401),
    ],
)
def test_an_address_range_binds_the_bearer(world: World, ip_range: str, status: int) -> None:
    text = f"ip={ip_range}\nGET\n{LATER}\n{PATH}".encode()
    sig = hmac.new(b"akey", text, "sha256").hexdigest()
    assert world(temp_url_sig=sig, temp_url_ip_range=ip_range).status == status
    assert world(temp_url_sig=sig).status == 401


def test_without_keys_nothing_is_open(world: World) -> None:
    world.account, world.container = AccountInfo(404), ContainerInfo(404)
    assert world(temp_url_sig=sign(key="")).status == 401


def test_an_accounts_key_reaches_its_account_and_a_containers_its_container(world: World) -> None:
    def allowed(path: str) -> bool:
        return world.authorize(Request(make_environ(path=path))) is None

    world(temp_url_sig=sign())
    assert allowed("/v1/a/c/o")
    assert allowed("/v1/a/segments/x")
    assert not allowed("/v1/b/c/o")
    assert not allowed("/v1/aa/c/o")
    world(temp_url_sig=sign(key="ckey"))
    assert allowed("/v1/a/c/other")
    assert not allowed("/v1/a/segments/x")
    assert not allowed("/v1/a")
    assert not allowed("/")


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(
    "header",
    [
        "X_Object_Manifest",
        "X_Symlink_Target",
        "X_Symlink_Target_Account",
        "X_Copy_From",
        "X_Copy_From_Account",
    ],
)
def test_a_bearer_cannot_point_at_other_objects(world: World, method: str, header: str) -> None:
    answer = world(method, headers={header: "c/secret"}, temp_url_sig=sign(method))
    assert answer.status == 400
    assert not world.app.seen


def test_what_the_signature_does_not_cover_is_dropped_from_the_query(world: World) -> None:
    for extra in ("multipart-manifest", "versions", "bulk-delete", "symlink", "version-id"):
        world("PUT", temp_url_sig=sign("PUT"), **{extra: "put"})
        assert extra not in world.app.last["QUERY_STRING"]


def test_headers_in_and_out_are_filtered(world: World) -> None:
    answer = world(
        temp_url_sig=sign(), headers={"X_Timestamp": "1", "X_Open_Expired": "true", "Range": "b"}
    )
    assert "HTTP_X_TIMESTAMP" not in world.app.last
    assert "HTTP_X_OPEN_EXPIRED" not in world.app.last
    assert "HTTP_RANGE" in world.app.last
    assert "x-object-meta-secret" not in answer.headers
    assert answer.headers["x-object-meta-public-color"] == "red"
    odd = World(
        incoming_remove_headers="x-*",
        incoming_allow_headers="x-ok, x-fine-*",
        outgoing_remove_headers="*",
        outgoing_allow_headers="content-type",
    )
    answer = odd(
        temp_url_sig=sign(), headers={"X_Ok": "1", "X_Fine_2": "1", "X_Bad": "1", "X_Okay": "1"}
    )
    assert sorted(key for key in odd.app.last if key.startswith("HTTP_X")) == [
        "HTTP_X_FINE_2",
        "HTTP_X_OK",
    ]
    assert set(answer.headers) == {"content-type", "content-disposition", "expires"}


@pytest.mark.parametrize(
    ("params", "existing", "told"),
    [
        ({}, None, "attachment; filename=\"o\"; filename*=UTF-8''o"),
        ({}, "inline", "inline"),
        ({"filename": "a b"}, "inline", "attachment; filename=\"a b\"; filename*=UTF-8''a%20b"),
        ({"inline": ""}, "attachment", "inline"),
        ({"inline": "", "filename": "x"}, None, "inline; filename=\"x\"; filename*=UTF-8''x"),
        (
            {"filename": 'ü"\r\nX-Evil: 1'},
            None,
            'attachment; filename="%C3%BC%22%0D%0AX-Evil%3A 1"; '
            "filename*=UTF-8''%C3%BC%22%0D%0AX-Evil%3A%201",
        ),
    ],
)
def test_content_disposition(params: dict[str, str], existing: str | None, told: str) -> None:
    headers = [("Content-Disposition", existing)] if existing else []
    world = World(Canned(200, headers, [b""]))
    answer = world(temp_url_sig=sign(), **params)
    assert answer.headers["content-disposition"] == told
    assert "x-evil" not in answer.headers


def test_errors_and_writes_get_no_disposition() -> None:
    assert "content-disposition" not in World(Canned(404))(temp_url_sig=sign()).headers
    put = World(Canned(201))("PUT", temp_url_sig=sign("PUT"))
    assert "content-disposition" not in put.headers


def test_a_generated_page_is_not_saved() -> None:
    world = World(Canned(200, [("X-Backend-Content-Generator", "staticweb")], [b""]))
    assert "content-disposition" not in world(temp_url_sig=sign()).headers


@pytest.mark.parametrize(
    ("method", "query"),
    [("GET", ""), ("GET", "x=%20y"), ("OPTIONS", "temp_url_sig=x"), ("GET", "temp_url")],
)
def test_other_requests_pass(world: World, method: str, query: str) -> None:
    assert world(method, query=query).status == 200
    assert "swift.authorize_override" not in world.app.last


def test_digests_are_the_operators_choice() -> None:
    world = World(allowed_digests="sha512 sha256")
    assert world(temp_url_sig=sign(digest="sha1")).status == 401
    assert world(temp_url_sig=sign(digest="sha512")).status == 200
    with pytest.raises(ConfError, match="allowed_digests"):
        World(allowed_digests="sha256 rot13")


def test_every_key_is_tried_whichever_fits() -> None:
    signature = Signature("sha256", hmac.digest(b"k1", b"text", "sha256"))
    keys = [Key(b"k1", "account"), Key(b"k2", "container")]
    assert matching_key(signature, [b"text"], keys) == keys[0]
    assert matching_key(signature, [b"other"], keys) is None


def test_a_signature_is_read_in_both_alphabets() -> None:
    value = bytes(range(32))
    for form in (base64.b64encode(value), base64.urlsafe_b64encode(value).rstrip(b"=")):
        assert parse_signature("sha256:" + form.decode(), ["sha256"]) == Signature("sha256", value)


def test_a_name_with_quotes_cannot_leave_its_quotes() -> None:
    assert '"' not in disposition("inline", 'a"b')[len('inline; filename="') :].split('"; ')[0]
