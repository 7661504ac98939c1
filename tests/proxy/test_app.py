"""The edge of the proxy: paths, verbs, who may ask, and what everybody is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from swiftlite.policies import Policy
from swiftlite.web import Request, Response
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import answering
from tests.web.environs import Answer

Make = Callable[..., Cluster]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/v1", 412),
        ("/v1/", 412),
        ("/v1//c", 404),
        ("//a/c", 404),
        ("/v1/a//o", 404),
        ("/v2/a", 400),
        ("/v2/a/c/o", 400),
        ("/v1.0/a/c/none", 404),
        ("/v1/a/c/\xff\xfe", 412),
        ("/v1/a/c/o\x00", 412),
        ("/v1/\x00a/c/o", 412),
        ("nothing", 404),
    ],
)
def test_paths_that_name_nothing(cluster: Cluster, path: str, status: int) -> None:
    assert cluster.ask("GET", path).status == status


def test_reserved_names_are_for_the_cluster(cluster: Cluster) -> None:
    path = "/v1/a/\x00versions\x00c/o"
    assert cluster.ask("GET", path).status == 412
    assert cluster.ask("GET", path, X_Backend_Allow_Reserved_Names="true").status == 404
    assert any(node.saw("GET") for node in cluster.nodes)
    assert any(node.saw("HEAD", "container") for node in cluster.nodes)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/a", "GET, HEAD, OPTIONS, POST"),
        ("/v1/a/c", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ("/v1/a/c/o", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
    ],
)
def test_other_verbs_are_told_which_ones_there_are(cluster: Cluster, path: str, allow: str) -> None:
    for method in ("BREW", "PATCH", "COPY", "REPLICATE", "UPDATE", "get"):
        answer = cluster.ask(method, path)
        assert answer.status == 405
        assert answer.headers["allow"] == allow
    assert cluster.ask("OPTIONS", path).headers["allow"] == allow
    assert cluster.ask("OPTIONS", path).status == 200


def test_private_verbs_are_for_the_cluster(cluster: Cluster) -> None:
    answer = cluster.ask("UPDATE", "/v1/a/c", b"[]", X_Backend_Allow_Private_Methods="true")
    assert answer.status == 202
    assert cluster.nodes[0].saw("UPDATE", "container")[0].body == b"[]"


def test_hosts_may_be_denied(make_cluster: Make) -> None:
    cluster = make_cluster(deny_host_headers=("evil.example",))
    assert cluster.ask("GET", "/v1/a", Host="evil.example").status == 403
    assert cluster.ask("GET", "/v1/a", Host="evil.example:8080").status == 403
    assert cluster.ask("GET", "/v1/a", Host="good.example:8080").status == 200


def test_info_is_served_beside_accounts(cluster: Cluster) -> None:
    answer = cluster.ask("GET", "/info")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")


def test_an_unexpected_error_is_a_500_with_a_line_in_the_log(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.ring, "nodes", lambda *names: 1 / 0)
    assert cluster.ask("GET", "/v1/a").status == 500
    assert any("ZeroDivisionError" in line for line in cluster.lines.lines)


# Who may


class Guard:
    """swift.authorize: says yes to requests whose ACL it likes."""

    def __init__(self, *likes: str | None) -> None:
        self.likes = likes
        self.asked: list[str | None] = []

    def __call__(self, request: Request) -> Response | None:
        acl = getattr(request, "acl", "unset")
        self.asked.append(acl)
        return None if acl in self.likes else Response(403, {}, "no")


def guarded(cluster: Cluster, guard: Guard, method: str, path: str, **headers: str) -> Answer:
    environ = cluster.environ(method, path, b"", **headers)
    environ["swift.authorize"] = guard
    answer = Answer(cluster.app, environ)
    assert environ["swift.authorize"] is guard
    return answer


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_accounts_are_denied_at_once(cluster: Cluster, method: str) -> None:
    guard = Guard()
    assert guarded(cluster, guard, method, "/v1/a").status == 403
    assert guard.asked == [None]
    assert cluster.nodes[0].saw(method, "account") == []


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_changes_of_containers_are_denied_at_once(cluster: Cluster, method: str) -> None:
    guard = Guard(".r:*", "writers")
    assert guarded(cluster, guard, method, "/v1/a/c").status == 403
    assert guard.asked == [None]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_listings_are_asked_about_again_with_the_read_acl(make_cluster: Make, method: str) -> None:
    cluster = make_cluster()
    cluster.make_container(X_Container_Read=".r:*,.rlistings")
    guard = Guard(".r:*,.rlistings")
    assert guarded(cluster, guard, method, "/v1/a/c").status in (200, 204)
    assert guard.asked == [None, ".r:*,.rlistings"]
    assert guarded(cluster, Guard("other"), method, "/v1/a/c").status == 403


@pytest.mark.parametrize(
    ("method", "acl"),
    [
        ("GET", "readers"),
        ("HEAD", "readers"),
        ("PUT", "j\u00fcrgen"),
        ("POST", "j\u00fcrgen"),
        ("DELETE", "j\u00fcrgen"),
    ],
)
def test_objects_are_asked_about_again_with_the_acl_of_the_verb(
    make_cluster: Make, method: str, acl: str
) -> None:
    cluster = make_cluster()
    cluster.make_container(X_Container_Read="readers", X_Container_Write="j\xc3\xbcrgen")
    guard = Guard(acl)
    answer = guarded(cluster, guard, method, "/v1/a/c/o", Content_Type="a/b")
    assert answer.status in (201, 404)
    assert guard.asked == [None, acl]
    denied = Guard("somebody else")
    assert guarded(cluster, denied, method, "/v1/a/c/o").status == 403


def test_whoever_may_anyway_is_asked_once(cluster: Cluster) -> None:
    guard = Guard(None)
    assert guarded(cluster, guard, "PUT", "/v1/a/c/o", Content_Type="a/b").status == 201
    assert guard.asked == [None]


def test_a_copy_from_another_account_is_asked_about_again(cluster: Cluster) -> None:
    guard = Guard(None)
    headers = {"X_Copy_From_Account": "b", "Content_Type": "a/b"}
    assert guarded(cluster, guard, "PUT", "/v1/a/c/o", **headers).status == 201
    assert guard.asked == [None, None]


def test_the_sync_key_is_left_for_whoever_checks_it(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.make_container(X_Container_Sync_Key="secret")
    environ = cluster.environ("DELETE", "/v1/a/c/o")
    Answer(cluster.app, environ)
    assert environ["swift_sync_key"] == "secret"


# Browsers


def test_scripts_of_allowed_origins_may_read(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.make_container(X_Container_Meta_Access_Control_Allow_Origin="http://x")
    cluster.put("/v1/a/c/o", b"hello")
    answer = cluster.ask("GET", "/v1/a/c/o", Origin="http://x")
    assert answer.headers["access-control-allow-origin"] == "http://x"
    refused = cluster.ask("GET", "/v1/a/c/o", Origin="http://y")
    assert "access-control-allow-origin" not in refused.headers
    missing = cluster.ask("GET", "/v1/a/c/none", Origin="http://x")
    assert missing.headers["access-control-allow-origin"] == "http://x"
    preflight = cluster.ask(
        "OPTIONS", "/v1/a/c/o", Origin="http://x", Access_Control_Request_Method="PUT"
    )
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "http://x"


def test_a_container_that_nobody_can_tell_about_is_a_503(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.fault = answering(503, kind="container")
    for method in ("GET", "PUT", "DELETE"):
        assert cluster.ask(method, "/v1/a/c/o", Content_Type="a/b").status == 503


def test_a_policy_that_is_not_known_here_is_a_503(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.make_container(X_Backend_Storage_Policy_Index="9")
    assert cluster.ask("GET", "/v1/a/c/o").status == 503
    assert cluster.ask("GET", "/v1/a/c/o", X_Backend_Storage_Policy_Index="0").status == 404


def test_an_erasure_coded_policy_is_refused_and_never_replicated(make_cluster: Make) -> None:
    policies = [
        Policy(0, "zero", is_default=True),
        Policy(1, "coded", kind="erasure_coding"),
    ]
    cluster = make_cluster(policies=policies)
    cluster.make_container(X_Backend_Storage_Policy_Index="1")
    for method in ("GET", "PUT", "POST", "DELETE"):
        answer = cluster.ask(method, "/v1/a/c/o", b"x", Content_Type="a/b")
        assert answer.status == 503, method
    assert cluster.holders("a/c/o") == []


def test_the_environ_of_a_request_is_not_shared_with_look_ups(cluster: Cluster) -> None:
    environ: dict[str, Any] = cluster.environ("GET", "/v1/a/c/o", Range="bytes=0-1")
    Answer(cluster.app, environ)
    assert environ["PATH_INFO"] == "/v1/a/c/o"
    assert environ["REQUEST_METHOD"] == "GET"
    for node in cluster.primaries:
        for seen in node.saw("HEAD", "container"):
            assert "Range" not in seen.headers


def test_a_share_of_look_ups_asks_although_the_cache_knows(make_cluster: Make) -> None:
    cluster = make_cluster(
        container_existence_skip_cache_pct=100.0, account_existence_skip_cache_pct=100.0
    )
    cluster.make_container()
    for _ in range(3):
        cluster.put("/v1/a/c/o", b"x")
        assert cluster.ask("GET", "/v1/a/c").status == 200
    asked = [len(node.saw("HEAD", "container")) for node in cluster.nodes]
    assert sum(asked) == 3
    assert sum(len(node.saw("HEAD", "account")) for node in cluster.nodes) >= 3


@pytest.mark.parametrize("allowed", [False, True])
def test_expired_objects_are_opened_where_that_is_allowed(
    make_cluster: Make, allowed: bool
) -> None:
    cluster = make_cluster(allow_open_expired=allowed)
    cluster.make_container()
    cluster.put("/v1/a/c/o", b"x")
    for method in ("GET", "HEAD", "POST"):
        cluster.ask(method, "/v1/a/c/o", X_Open_Expired="true")
        (seen, *_) = [one for node in cluster.nodes for one in node.saw(method)]
        assert ("X-Backend-Open-Expired" in seen.headers) is allowed
