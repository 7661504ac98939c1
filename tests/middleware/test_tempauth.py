"""Tokens, and who may do what."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from swiftlite.config.load import ConfError
from swiftlite.middleware.tempauth import TempAuth
from swiftlite.middleware.tempauth.authorize import Authority
from swiftlite.middleware.tempauth.options import (
    TempAuthOptions,
    User,
    read_users,
    required_groups,
)
from swiftlite.middleware.tempauth.tokens import TokenMint
from swiftlite.observe.options import StatsdOptions
from swiftlite.observe.statsd import Statsd
from swiftlite.web.request import Request
from swiftlite.web.wsgi import Environ
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.parts import Canned, ListLog, SetClock
from tests.web.environs import Answer, make_environ

USERS = {
    "user_admin_admin": "admin .admin .reseller_admin",
    "user_admin_auditor": "admin_ro .reseller_reader",
    "user_test_tester": "testing .admin",
    "user_test_tester3": "testing3",
    "user_test2_tester2": "testing2 .admin",
    "user_test5_tester5": "testing5 service",
    "user_svc_service": "servicing .service",
    "user64_"
    + base64.b64encode("tést_x".encode()).decode().rstrip("=")
    + "_"
    + base64.b64encode("ü_1".encode()).decode().rstrip("="): "schlüssel .admin",
}


class SharedCache:
    shared = True

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str) -> Any:  # noqa: ANN401  # JSON
        value = self.kept.get(key)
        return None if value is None else json.loads(value)

    def set(self, key: str, value: object, time: float = 0) -> None:
        self.kept[key] = json.dumps(value)


class Auth:
    """A tempauth over an app, and clients of it."""

    def __init__(
        self,
        app: Any = None,  # noqa: ANN401  # any WSGI app
        secret: bytes = b"cluster",
        **conf: str,
    ) -> None:
        self.app = app or Canned(204)
        self.clock = SetClock()
        self.log = ListLog()
        values = {**USERS, **conf}
        own = {key: value for key, value in conf.items() if key in TempAuthOptions.__slots__}
        from swiftlite.config.load import options

        self.options = options(TempAuthOptions, own, where="test")
        self.users = read_users(values, where="test")
        statsd = Statsd(StatsdOptions(), "t", random=lambda: 0.0)
        prefixes = self.options.reseller_prefix
        self.mint = TokenMint(prefixes[0], secret, self.users, self.options.token_life, self.clock)
        self.filter = TempAuth(
            self.app,
            self.options,
            self.users,
            Authority(
                self.app,
                required_groups(prefixes, self.options.require_group, values),
                log=self.log,  # type: ignore[arg-type]
                statsd=statsd,
            ),
            self.mint,
            clock=self.clock,
            log=self.log,  # type: ignore[arg-type]
            statsd=statsd,
        )

    def token(self, name: str) -> str:
        return self.mint.issue(self.users[name])[0]

    def ask(self, path: str = "/auth/v1.0", method: str = "GET", **headers: Any) -> Answer:  # noqa: ANN401  # strings
        return Answer(self.filter, make_environ(method, path, **headers))

    def run(self, environ: Environ) -> Answer:
        return Answer(self.filter, environ)


@pytest.fixture
def auth() -> Auth:
    return Auth()


# Tokens


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/auth/v1.0", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"}),
        ("/auth/v1.0/", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"}),
        ("/auth/v1", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"}),
        ("/auth/auth", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"}),
        ("/auth/v1.0", {"X_Storage_User": "test:tester", "X_Storage_Pass": "testing"}),
        ("/auth/v1/test/auth", {"X_Storage_User": "tester", "X_Storage_Pass": "testing"}),
        ("/auth/v1/test/auth", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"}),
    ],
)
def test_every_form_of_asking_gives_a_token(auth: Auth, path: str, headers: dict[str, Any]) -> None:
    answer = auth.ask(path, **headers, Host="proxy:8080")
    assert answer.status == 200
    assert answer.headers["x-auth-token"] == answer.headers["x-storage-token"]
    assert answer.headers["x-auth-token"].startswith("AUTH_tk")
    assert answer.headers["x-storage-url"] == "http://proxy:8080/v1/AUTH_test"
    assert answer.headers["x-auth-token-expires"] == "86400"
    assert answer.headers["content-length"] == "0"


def test_names_of_every_kind() -> None:
    auth = Auth()
    name = "tést_x:ü_1".encode().decode("latin-1")
    answer = auth.ask(X_Auth_User=name, X_Auth_Key="schlüssel".encode().decode("latin-1"))
    assert answer.status == 200
    assert answer.headers["x-storage-url"].endswith("/v1/AUTH_t%C3%A9st_x")
    auth.run(make_environ(path="/v1/AUTH_x", X_Auth_Token=answer.headers["x-auth-token"]))
    user = auth.app.last["REMOTE_USER"].encode("latin-1").decode()
    assert user == "tést_x,tést_x:ü_1,AUTH_tést_x"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/auth/v1.0", {}, 401),
        ("/auth/v1.0", {"X_Auth_User": "test:tester"}, 401),
        ("/auth/v1.0", {"X_Auth_User": "test:tester", "X_Auth_Key": ""}, 401),
        ("/auth/v1.0", {"X_Auth_User": "test:tester", "X_Auth_Key": "testin"}, 401),
        ("/auth/v1.0", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing3"}, 401),
        ("/auth/v1.0", {"X_Auth_User": "test:nobody", "X_Auth_Key": "testing"}, 401),
        ("/auth/v1.0", {"X_Auth_User": "test:nobody", "X_Auth_Key": "\0 nobody's key"}, 401),
        ("/auth/v1.0", {"X_Auth_User": "tester", "X_Auth_Key": "testing"}, 401),
        ("/auth/v1.0", {"X_Auth_User": ":tester", "X_Auth_Key": "testing"}, 401),
        ("/auth/v1.0", {"X_Auth_User": "test:", "X_Auth_Key": "testing"}, 401),
        ("/auth/v1.0", {"X_Auth_User": "\xff:\xff", "X_Auth_Key": "\xff"}, 400),
        ("/auth/v1/other/auth", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"}, 401),
        ("/auth/v1/other/auth", {"X_Storage_User": "tester", "X_Storage_Pass": "testing"}, 401),
        ("/auth/v1/test/auth", {"X_Storage_User": "test:tester", "X_Auth_Key": "testing"}, 401),
        ("/auth/", {}, 404),
        ("/auth/v2.0", {}, 400),
        ("/auth/v1.0/x/y", {}, 400),
        ("/auth/v1//auth", {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"}, 401),
        ("/auth/\xff", {}, 412),
    ],
)
def test_wrong_and_hostile_asking_is_refused(
    auth: Auth, path: str, headers: dict[str, Any], status: int
) -> None:
    answer = auth.ask(path, **headers)
    assert answer.status == status
    assert "x-auth-token" not in answer.headers
    if status == 401:
        assert answer.headers["www-authenticate"].startswith('Swift realm="')


def test_an_unknown_user_and_a_wrong_key_are_told_alike(auth: Auth) -> None:
    wrong = auth.ask(X_Auth_User="test:tester", X_Auth_Key="x")
    unknown = auth.ask(X_Auth_User="test:nobody", X_Auth_Key="x")
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body)


def test_other_methods_get_no_token(auth: Auth) -> None:
    answer = auth.ask(method="POST", X_Auth_User="test:tester", X_Auth_Key="testing")
    assert answer.status == 405


def test_the_storage_url_follows_scheme_host_and_conf() -> None:
    auth = Auth(
        storage_url_scheme="https",
        user_far_one="k http://far.example:99/v1/AUTH_elsewhere",
        user_far_two="k .admin $HOST/v1/AUTH_here",
    )
    ask = {"X_Auth_Key": "k", "Host": "near"}
    far = auth.ask(X_Auth_User="far:one", **ask)
    assert far.headers["x-storage-url"] == "https://far.example:99/v1/AUTH_elsewhere"
    near = auth.ask(X_Auth_User="far:two", **ask)
    assert near.headers["x-storage-url"] == "https://near/v1/AUTH_here"
    assert "AUTH_here" in auth.users["far:two"].all_groups(["AUTH_"])


def test_a_token_says_who_its_user_is(auth: Auth) -> None:
    environ = make_environ(path="/v1/AUTH_test", X_Auth_Token=auth.token("test:tester"))
    assert auth.run(environ).status == 204
    assert auth.app.last["REMOTE_USER"] == "test,test:tester,AUTH_test"
    assert auth.app.last["swift.authorize"] == auth.filter.authority.authorize
    assert "reseller_request" not in auth.app.last


def test_the_storage_token_header_counts_too(auth: Auth) -> None:
    auth.run(make_environ(path="/v1/AUTH_test", X_Storage_Token=auth.token("test:tester")))
    assert "REMOTE_USER" in auth.app.last


def test_another_worker_and_the_next_process_accept_a_token(auth: Auth) -> None:
    token = auth.token("test:tester")
    other = Auth()
    other.run(make_environ(path="/v1/AUTH_test", X_Auth_Token=token))
    assert other.app.last["REMOTE_USER"].startswith("test,test:tester")


def test_a_token_ends_with_its_life(auth: Auth) -> None:
    environ = make_environ(path="/v1/AUTH_test", X_Auth_Token=auth.token("test:tester"))
    auth.clock.seconds += 86399
    assert auth.run(environ.copy()).status == 204
    auth.clock.seconds += 1
    assert auth.run(environ.copy()).status == 401


def test_a_changed_key_ends_its_users_tokens_and_no_others(auth: Auth) -> None:
    changed = Auth(user_test_tester="other .admin")
    for name, status in (("test:tester", 401), ("test2:tester2", 204)):
        environ = make_environ(path="/v1/AUTH_test", X_Auth_Token=auth.token(name))
        assert changed.run(environ).status == status


def test_another_cluster_accepts_no_token_of_ours(auth: Auth) -> None:
    environ = make_environ(path="/v1/AUTH_test", X_Auth_Token=auth.token("test:tester"))
    assert Auth(secret=b"other").run(environ).status == 401


def test_no_change_of_any_sign_leaves_a_token_good(auth: Auth) -> None:
    token = auth.token("test:tester3")
    good = [
        token[:at] + other + token[at + 1 :]
        for at in range(len("AUTH_tk"), len(token) - 1)
        for other in "Aa-_9"
        if other != token[at] and auth.mint.read(token[:at] + other + token[at + 1 :]) is not None
    ]
    assert good == []


@pytest.mark.parametrize(
    "token",
    [
        "AUTH_",
        "AUTH_tk",
        "AUTH_tkA",
        "AUTH_tk" + "A" * 64,
        "AUTH_tk" + "A" * 5000,
        "AUTH_tk\xff\xfe",
        "AUTH_tk====",
        "AUTH_tk" + base64.urlsafe_b64encode(b"\xff" * 29 + b"test:tester").decode(),
        "AUTH_tk" + base64.urlsafe_b64encode(b"\xff" * 29 + b"test:nobody").decode(),
    ],
)
def test_a_forged_token_is_refused_at_once(auth: Auth, token: str) -> None:
    answer = auth.run(make_environ(path="/v1/AUTH_test/c", X_Auth_Token=token))
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Swift realm="AUTH_test"'
    assert not auth.app.seen


def test_a_token_reveals_nothing_but_its_user_and_end(auth: Auth) -> None:
    token = auth.token("test:tester")
    blob = base64.urlsafe_b64decode(token[len("AUTH_tk") :] + "==")
    assert b"testing" not in blob
    assert b"cluster" not in blob
    assert len(token.encode()[:16].replace(b"AUTH_tk", b"")) <= 9  # what a log may show


def test_with_a_shared_cache_an_openstack_proxy_finds_the_token(auth: Auth) -> None:
    cache = SharedCache()
    environ = make_environ(path="/auth/v1.0", X_Auth_User="test:tester", X_Auth_Key="testing")
    environ["swift.cache"] = cache
    token = auth.run(environ).headers["x-auth-token"]
    assert cache.get(f"AUTH_/token/{token}") == [
        1_700_000_000 + 86400,
        "test,test:tester,AUTH_test",
    ]
    assert token not in "".join(cache.kept.values()), "tokens are never stored as values"


def test_a_token_of_an_openstack_proxy_is_found_in_the_shared_cache(auth: Auth) -> None:
    cache = SharedCache()
    cache.set("AUTH_/token/AUTH_tk0123", (1_700_000_100, "a,a:b,AUTH_a"))
    environ = make_environ(path="/v1/AUTH_a", X_Auth_Token="AUTH_tk0123")
    environ["swift.cache"] = cache
    assert auth.run(environ.copy()).status == 204
    assert auth.app.last["REMOTE_USER"] == "a,a:b,AUTH_a"
    auth.clock.seconds += 100
    assert auth.run(environ.copy()).status == 401


@pytest.mark.parametrize("stored", ["x", 7, [], ["x", "y"], [1e12], {"a": 1}, [1e12, 7], None])
def test_rubbish_in_the_cache_is_no_token(auth: Auth, stored: object) -> None:
    cache = SharedCache()
    cache.set("AUTH_/token/AUTH_tk0123", stored)
    environ = make_environ(path="/v1/AUTH_a", X_Auth_Token="AUTH_tk0123")
    environ["swift.cache"] = cache
    assert auth.run(environ).status == 401


def test_a_cache_that_lost_everything_refuses_none_of_our_tokens(auth: Auth) -> None:
    environ = make_environ(path="/v1/AUTH_test", X_Auth_Token=auth.token("test:tester"))
    environ["swift.cache"] = SharedCache()
    assert auth.run(environ).status == 204


# Who may do what


class World:
    """A tempauth in front of a proxy with one container in one account."""

    def __init__(self, account_acl: str | None = None, **acl: str) -> None:
        self.swift = FakeSwift()
        self.auth = Auth(
            self.swift, reseller_prefix="AUTH, SERVICE", SERVICE_require_group=".service"
        )
        self.swift.put("/AUTH_test/c/o", b"body")
        self.swift.containers["/AUTH_test/c"].update(acl)
        if account_acl is not None:
            from swiftlite.infocache.info import AccountInfo

            self.infos = {
                "account/AUTH_test": AccountInfo(204, sysmeta={"core-access-control": account_acl})
            }
        else:
            self.infos = {}

    def __call__(
        self,
        user: str | None,
        method: str = "GET",
        path: str = "/v1/AUTH_test/c/o",
        service: str | None = None,
        **headers: Any,  # noqa: ANN401  # strings
    ) -> int:
        if user:
            headers["X_Auth_Token"] = self.auth.token(user)
        if service:
            headers["X_Service_Token"] = self.auth.token(service)
        environ = make_environ(method, path, **headers)
        environ["swift.infocache"] = dict(self.infos)
        self.answer = self.auth.run(environ)
        self.owner = bool(environ.get("swift_owner"))
        return self.answer.status


ADMIN, STRANGER, MEMBER = "test:tester", "test2:tester2", "test:tester3"
RESELLER, AUDITOR = "admin:admin", "admin:auditor"


def test_the_owner_may_do_all_but_make_and_delete_accounts() -> None:
    world = World()
    assert world(ADMIN) == 200
    assert world.owner
    assert world(ADMIN, "PUT", "/v1/AUTH_test/new") == 201
    assert world(ADMIN, "GET", "/v1/AUTH_test") == 200
    assert world(ADMIN, "PUT", "/v1/AUTH_test") == 403
    assert world(ADMIN, "DELETE", "/v1/AUTH_test") == 403
    assert not world.owner


@pytest.mark.parametrize(("user", "status"), [(STRANGER, 403), (MEMBER, 403), (None, 401)])
def test_others_may_do_nothing(user: str | None, status: int) -> None:
    world = World()
    for method, path in (
        ("GET", "/v1/AUTH_test/c/o"),
        ("PUT", "/v1/AUTH_test/c/o"),
        ("GET", "/v1/AUTH_test/c"),
        ("DELETE", "/v1/AUTH_test/c/o"),
        ("GET", "/v1/AUTH_test"),
        ("POST", "/v1/AUTH_test"),
    ):
        assert world(user, method, path) == status
        assert not world.owner


def test_reseller_admins_rule_every_account_but_the_clusters_own() -> None:
    world = World()
    assert world(RESELLER) == 200
    assert world(RESELLER, "PUT", "/v1/AUTH_any") != 403
    assert world(RESELLER, "GET", "/v1/AUTH_.hidden") == 403
    assert world(RESELLER, "GET", "/v1/AUTH_") == 403
    environ = make_environ(path="/v1/AUTH_x", X_Auth_Token=world.auth.token(RESELLER))
    world.auth.run(environ)
    assert environ["reseller_request"] is True


def test_reseller_readers_read_every_account_and_change_none() -> None:
    world = World()
    assert world(AUDITOR) == 200
    assert not world.owner
    assert world(AUDITOR, "HEAD", "/v1/AUTH_test") == 200
    assert world(AUDITOR, "GET", "/v1/AUTH_.hidden") == 403
    for method in ("PUT", "POST", "DELETE", "COPY"):
        assert world(AUDITOR, method) == 403


@pytest.mark.parametrize(
    ("acl", "user", "status"),
    [
        ("test2:tester2", STRANGER, 200),
        ("test2", STRANGER, 200),
        ("test2:other", STRANGER, 403),
        ("test:tester3", MEMBER, 200),
        ("test", MEMBER, 200),
        ("AUTH_test2", STRANGER, 200),
        ("service", "test5:tester5", 200),
        (".r:*", STRANGER, 200),
        (".r:*", None, 200),
        (".r:-*", None, 401),
        ("*", STRANGER, 403),
        ("", STRANGER, 403),
    ],
)
def test_read_lists(acl: str, user: str | None, status: int) -> None:
    world = World(**{"X-Container-Read": acl})
    assert world(user) == status
    assert not world.owner
    assert world(user, "PUT") in (401, 403)


def test_referrer_rules_open_objects_and_rlistings_containers() -> None:
    world = World(**{"X-Container-Read": ".r:.example.com"})
    assert world(None) == 401
    assert world(None, Referer="http://www.example.com/x") == 200
    assert world(None, "GET", "/v1/AUTH_test/c", Referer="http://www.example.com/x") == 401
    world = World(**{"X-Container-Read": ".r:*,.rlistings"})
    assert world(None, "GET", "/v1/AUTH_test/c") == 200
    assert world(None, "HEAD", "/v1/AUTH_test/c") == 200
    assert world(None, "GET", "/v1/AUTH_test") == 401
    assert world(None, "PUT", "/v1/AUTH_test/c/o") == 401


@pytest.mark.parametrize("referer", ["http://[", "\xff\xfe", "http://" + "a" * 5000, "//[::::]"])
def test_a_damaged_referer_is_refused_not_crashed_on(referer: str) -> None:
    assert World(**{"X-Container-Read": ".r:.example.com"})(None, Referer=referer) == 401


def test_write_lists_allow_writing_and_no_reading() -> None:
    world = World(**{"X-Container-Write": "test2:tester2"})
    assert world(STRANGER, "PUT", "/v1/AUTH_test/c/new") == 201
    assert world(STRANGER) == 403


@pytest.mark.parametrize(
    ("acl", "allowed", "refused"),
    [
        (
            {"read-only": ["test2:tester2"]},
            [("GET", "/v1/AUTH_test"), ("GET", "/v1/AUTH_test/c"), ("GET", "/v1/AUTH_test/c/o")],
            [("PUT", "/v1/AUTH_test/c/o"), ("POST", "/v1/AUTH_test"), ("PUT", "/v1/AUTH_test/n")],
        ),
        (
            {"read-write": ["test2"]},
            [("GET", "/v1/AUTH_test"), ("PUT", "/v1/AUTH_test/c/o"), ("PUT", "/v1/AUTH_test/n")],
            [("POST", "/v1/AUTH_test"), ("PUT", "/v1/AUTH_test"), ("DELETE", "/v1/AUTH_test")],
        ),
        (
            {"admin": ["test2:tester2"]},
            [("GET", "/v1/AUTH_test"), ("POST", "/v1/AUTH_test"), ("PUT", "/v1/AUTH_test/c/o")],
            [],
        ),
        ({"admin": ["other"]}, [], [("GET", "/v1/AUTH_test")]),
    ],
)
def test_account_lists(
    acl: dict[str, list[str]], allowed: list[tuple[str, str]], refused: list[tuple[str, str]]
) -> None:
    world = World(account_acl=json.dumps(acl))
    for method, path in allowed:
        assert world(STRANGER, method, path) not in (401, 403), (method, path)
        assert world.owner is ("admin" in acl)
    for method, path in refused:
        assert world(STRANGER, method, path) == 403, (method, path)
    assert world(None, "GET", "/v1/AUTH_test") == 401


@pytest.mark.parametrize("stored", ["{", "[]", '{"admin": "test2:tester2"}', "[" * 9000])
def test_a_damaged_stored_account_list_admits_nobody(stored: str) -> None:
    assert World(account_acl=stored)(STRANGER, "GET", "/v1/AUTH_test") == 403


@pytest.mark.parametrize(
    "sent",
    ["{", "[]", '{"x":[]}', '{"admin":"a"}', '{"admin":[1]}', "[" * 8000, "9" * 5000, "\xff"],
)
def test_a_bad_account_list_is_refused_before_it_is_kept(sent: str) -> None:
    world = World()
    assert world(ADMIN, "POST", "/v1/AUTH_test", X_Account_Access_Control=sent) == 400


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('{"admin": ["b"], "read-only": []}', '{"admin":["b"]}'),
        ("%7B%22admin%22%3A%5B%22b%22%5D%7D", '{"admin":["b"]}'),
        ('{"admin":["ü"]}'.encode().decode("latin-1"), '{"admin":["\\u00fc"]}'),
        ("{}", ""),
        ("", ""),
    ],
)
def test_an_account_list_becomes_sysmeta(sent: str, kept: str) -> None:
    world = World()
    assert world(ADMIN, "POST", "/v1/AUTH_test", X_Account_Access_Control=sent) < 300
    environ = world.swift.environs[-1]
    seen = make_environ("POST", "/v1/AUTH_test", X_Account_Access_Control=sent)
    seen["swift.authorize"] = world.auth.filter.authority.authorize
    assert "HTTP_X_ACCOUNT_ACCESS_CONTROL" in environ  # copied before the callback ran
    request = Request(seen)
    world.auth.filter.authority.authorize(request)
    assert seen["HTTP_X_ACCOUNT_SYSMETA_CORE_ACCESS_CONTROL"] == kept
    assert "HTTP_X_ACCOUNT_ACCESS_CONTROL" not in seen


def test_service_accounts_need_both_tokens() -> None:
    world = World()
    path = "/v1/SERVICE_test/c"
    assert world(ADMIN, "PUT", path) == 403
    assert world(ADMIN, "PUT", path, service="svc:service") == 201
    assert world(None, "PUT", path, service="svc:service") == 401
    assert world(STRANGER, "PUT", path, service="svc:service") == 403
    assert world("svc:service", "PUT", path) == 403
    assert world(ADMIN, "PUT", path, service="test5:tester5") == 403


def test_a_prefix_of_others_is_left_to_them() -> None:
    auth = Auth()
    called = []

    def theirs(_request: Request) -> None:
        called.append(1)

    environ = make_environ(path="/v1/OTHER_x")
    environ["swift.authorize"] = theirs
    auth.run(environ)
    assert auth.app.last["swift.authorize"] is theirs
    auth.run(make_environ(path="/v1/OTHER_x"))
    refused: Any = auth.app.last["swift.authorize"](Request(make_environ()))
    assert refused.status_int == 401


def test_our_own_prefix_is_never_left_to_others() -> None:
    auth = Auth()
    environ = make_environ(path="/v1/AUTH_x")
    environ["swift.authorize"] = lambda _request: None
    auth.run(environ)
    assert auth.app.last["swift.authorize"] == auth.filter.authority.authorize


@pytest.mark.parametrize(("allow", "passes"), [("true", True), ("false", False)])
def test_overrides_are_the_operators_choice(allow: str, passes: bool) -> None:
    auth = Auth(allow_overrides=allow)
    environ = make_environ(path="/v1/AUTH_x", X_Auth_Token="AUTH_tkbad")
    environ["swift.authorize_override"] = True
    assert auth.run(environ).status == (204 if passes else 401)


def test_container_sync_with_a_key_of_the_container() -> None:
    world = World()

    def status(**extra: Any) -> int:  # noqa: ANN401  # strings
        environ = make_environ("PUT", "/v1/AUTH_test/c/o", **extra)
        environ["swift_sync_key"] = "secret"
        return world.auth.run(environ).status

    assert status(X_Container_Sync_Key="secret", X_Timestamp="1") == 201
    assert status(X_Container_Sync_Key="secret") == 401
    assert status(X_Container_Sync_Key="wrong", X_Timestamp="1") == 401
    assert status(X_Container_Sync_Key="\xff", X_Timestamp="1") == 401
    assert status(X_Timestamp="1") == 401


def test_preflights_pass() -> None:
    world = World()
    assert world(None, "OPTIONS") not in (401, 403)


@pytest.mark.parametrize(
    ("account", "realm"),
    [
        ('AUTH_<script>alert("x")</script>', "AUTH_%3Cscript%3Ealert%28%22x%22%29%3C/script%3E"),
        ('AUTH_x"\r\nSet-Cookie: a=b', "AUTH_x%22%0D%0ASet-Cookie%3A%20a%3Db"),
        ("AUTH_\xc3\xbc", "AUTH_%C3%BC"),
    ],
)
def test_the_realm_is_quoted(auth: Auth, account: str, realm: str) -> None:
    answer = auth.run(make_environ(path=f"/v1/{account}", X_Auth_Token="AUTH_tkbad"))
    expected = realm.split("/", 1)[0] if "/" in account else realm
    assert answer.headers["www-authenticate"] == f'Swift realm="{expected}"'


def test_a_path_that_is_none_of_an_account_is_not_found() -> None:
    authority = Auth().filter.authority
    for path in ("", "/", "v1/a", "//a"):
        refused = authority.authorize(Request(make_environ(path=path)))
        assert refused is not None
        assert refused.status_int in (401, 404)


def test_lists_are_cleaned_by_the_callback_that_the_proxy_finds(auth: Auth) -> None:
    auth.run(make_environ(path="/v1/AUTH_test"))
    assert auth.app.last["swift.clean_acl"]("X-Container-Read", " .r : * ") == ".r:*"
    with pytest.raises(ValueError, match="not allowed"):
        auth.app.last["swift.clean_acl"]("X-Container-Write", ".r:*")


# S3 signatures, checked by another filter with the key that we hold


def test_a_signature_made_with_the_users_key_counts(auth: Auth) -> None:
    def environ(name: str, key: str) -> Environ:
        made = make_environ(path=f"/v1/{name}/bucket")
        made["s3api.auth_details"] = {
            "access_key": name,
            "check_signature": lambda secret: secret == key,
        }
        return made

    auth.run(environ("test:tester", "testing"))
    assert auth.app.last["PATH_INFO"] == "/v1/AUTH_test/bucket"
    assert auth.app.last["REMOTE_USER"] == "test,test:tester,AUTH_test"
    for name, key in (("test:tester", "wrong"), ("test:nobody", "testing")):
        auth.run(environ(name, key))
        assert "REMOTE_USER" not in auth.app.last
        refused: Any = auth.app.last["swift.authorize"](Request(auth.app.last))
        assert refused.status_int == 401


# The conf


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("user_test", "key", "must be user_<account>_<user>"),
        ("user_a_b_c", "key", "user64_"),
        ("user__b", "key", "must be"),
        ("user_a_b", "", "must have a value"),
        ("user64_?_YQ", "key", "not base64"),
        ("user64__w_YQ", "key", "must be"),
        ("user64_/w_YQ", "key", "not base64"),
        ("user_a,b_c", "key", "comma"),
        ("user_a_b", "key .admin,.reseller_admin", "comma"),
    ],
)
def test_a_bad_user_is_told_at_start_up_without_its_key(
    key: str, value: str, complaint: str
) -> None:
    with pytest.raises(ConfError, match=complaint) as refused:
        read_users({key: value}, where="proxy.conf [filter:tempauth]")
    assert key.split("_")[0] in str(refused.value)


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("AUTH", ["AUTH_"]),
        ("AUTH_", ["AUTH_"]),
        ("AUTH, SERVICE", ["AUTH_", "SERVICE_"]),
        ("''", [""]),
        ("'', AUTH", ["", "AUTH_"]),
        ("", [""]),
        ("AUTH,AUTH", ["AUTH_"]),
    ],
)
def test_reseller_prefixes(text: str, prefixes: list[str]) -> None:
    assert Auth(reseller_prefix=text).options.reseller_prefix == prefixes


def test_with_an_empty_prefix_foreign_tokens_are_left_to_others() -> None:
    auth = Auth(reseller_prefix="''")
    environ = make_environ(path="/v1/test", X_Auth_Token="somebody-elses")

    def theirs(_request: Request) -> None:
        pass

    environ["swift.authorize"] = theirs
    assert auth.run(environ).status == 204
    assert auth.app.last["swift.authorize"] is theirs
    auth.run(make_environ(path="/v1/test", X_Auth_Token=auth.token("test:tester")))
    assert auth.app.last["REMOTE_USER"] == "test,test:tester"
    assert auth.filter.authority.authorize(Request(auth.app.last)) is None


def test_groups_of_an_admin() -> None:
    user = User("a", "b", "k", (".admin", "x"))
    assert user.all_groups(["AUTH_", "SERVICE_"]) == ("a", "a:b", "x", "AUTH_a", "SERVICE_a")
