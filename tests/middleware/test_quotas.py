"""Quotas of containers and of accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from swiftlite.infocache.info import AccountInfo, ContainerInfo, PolicyUsage
from swiftlite.middleware.account_quotas import AccountQuotas
from swiftlite.middleware.container_quotas import ContainerQuotas, read_quota
from swiftlite.policies import parse_policies
from swiftlite.web.refusals import standard_answer
from swiftlite.web.request import Request
from swiftlite.web.wsgi import Environ, StartResponse
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ

POLICIES = parse_policies(
    {
        "storage-policy:0": {"name": "gold", "default": "yes"},
        "storage-policy:1": {"name": "silver"},
    }
)


def ask(
    app: Any,  # noqa: ANN401  # any WSGI app
    method: str,
    path: str,
    *,
    container: ContainerInfo | None = None,
    account: AccountInfo | None = None,
    authorize: Any = None,  # noqa: ANN401  # a callback
    reseller: bool = False,
    **headers: Any,  # noqa: ANN401  # strings
) -> Answer:
    environ = make_environ(method, path, **headers)
    environ["swift.infocache"] = {
        "container/a/c": container or ContainerInfo(204),
        "account/a": account or AccountInfo(204),
    }
    if authorize:
        environ["swift.authorize"] = authorize
    if reseller:
        environ["reseller_request"] = True
    return Answer(app, environ)


@pytest.mark.parametrize(
    ("meta", "length", "status"),
    [
        ({}, "999", 201),
        ({"quota-bytes": "110"}, "10", 201),
        ({"quota-bytes": "110"}, "11", 413),
        ({"quota-bytes": "0"}, "0", 413),
        ({"quota-bytes": "99"}, "", 413),
        ({"quota-bytes": "x"}, "999", 201),
        ({"quota-bytes": "-1"}, "999", 201),
        ({"quota-bytes": "²"}, "999", 201),
        ({"quota-bytes": "9" * 5000}, "999", 201),
        ({"quota-count": "11"}, "1", 201),
        ({"quota-count": "10"}, "1", 413),
        ({"quota-count": "0"}, "", 413),
    ],
)
def test_uploads_into_a_container_with_a_quota(
    meta: dict[str, str], length: str, status: int
) -> None:
    info = ContainerInfo(204, bytes=100, object_count=10, meta=meta)
    app = ContainerQuotas(Canned(201))
    answer = ask(app, "PUT", "/v1/a/c/o", container=info, Content_Length=length)
    assert answer.status == status
    if status == 413:
        assert answer.body == b"Upload exceeds quota."


def test_who_may_not_write_learns_nothing_of_a_containers_quota() -> None:
    info = ContainerInfo(204, meta={"quota-bytes": "0"}, write_acl="writers", bytes=1)
    seen: list[str | None] = []

    def deny(request: Request) -> Any:  # noqa: ANN401  # a response
        seen.append(request.acl)
        return standard_answer(403)

    app = ContainerQuotas(Canned(201))
    assert ask(app, "PUT", "/v1/a/c/o", container=info, authorize=deny).status == 403
    assert seen == ["writers"]
    assert ask(app, "PUT", "/v1/a/c/o", container=info, authorize=lambda _: None).status == 413


@pytest.mark.parametrize("header", ["X_Container_Meta_Quota_Bytes", "X_Container_Meta_Quota_Count"])
@pytest.mark.parametrize(
    ("value", "status"),
    [("5", 201), ("", 201), ("x", 400), ("-1", 400), ("1.5", 400), ("²", 400), ("1" * 30, 400)],
)
def test_a_containers_quota_is_a_number(header: str, value: str, status: int) -> None:
    sent: dict[str, Any] = {header: value.encode().decode("latin-1")}
    for method in ("PUT", "POST"):
        assert ask(ContainerQuotas(Canned(201)), method, "/v1/a/c", **sent).status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/a/c/o"), ("DELETE", "/v1/a/c/o"), ("POST", "/v1/a/c/o"), ("PUT", "/v1/a")],
)
def test_other_requests_pass_a_containers_quota(method: str, path: str) -> None:
    info = ContainerInfo(204, meta={"quota-bytes": "0"}, bytes=1)
    assert ask(ContainerQuotas(Canned(201)), method, path, container=info).status == 201


def test_a_missing_container_is_left_to_the_proxy() -> None:
    info = ContainerInfo(404, meta={"quota-bytes": "0"})
    assert ask(ContainerQuotas(Canned(404)), "PUT", "/v1/a/c/o", container=info).status == 404


# Accounts


def keeper(*headers: tuple[str, str]) -> AccountQuotas:
    return AccountQuotas(Canned(204, headers), POLICIES)


@pytest.mark.parametrize(
    ("sysmeta", "meta", "length", "status"),
    [
        ({}, {}, "999", 201),
        ({"quota-bytes": "110"}, {}, "10", 201),
        ({"quota-bytes": "110"}, {}, "11", 413),
        ({}, {"quota-bytes": "110"}, "11", 413),
        ({"quota-bytes": "200"}, {"quota-bytes": "1"}, "11", 201),
        ({"quota-bytes": "x"}, {}, "999", 201),
        ({"quota-count": "10"}, {}, "1", 413),
        ({"quota-count": "11"}, {}, "1", 201),
        ({"quota-bytes-policy-1": "50"}, {}, "10", 201),
        ({"quota-bytes-policy-1": "50"}, {}, "11", 413),
        ({"quota-bytes-policy-0": "0"}, {}, "11", 201),
        ({"quota-count-policy-1": "4"}, {}, "1", 413),
        ({"quota-count-policy-1": "5"}, {}, "1", 201),
    ],
)
def test_uploads_into_an_account_with_a_quota(
    sysmeta: dict[str, str], meta: dict[str, str], length: str, status: int
) -> None:
    info = AccountInfo(
        204,
        bytes=100,
        total_object_count=10,
        meta=meta,
        sysmeta=sysmeta,
        storage_policies={1: PolicyUsage(1, 4, 40)},
    )
    app = AccountQuotas(Canned(201), POLICIES)
    answer = ask(
        app,
        "PUT",
        "/v1/a/c/o",
        account=info,
        container=ContainerInfo(204, storage_policy=1),
        Content_Length=length,
    )
    assert answer.status == status


def test_a_policy_that_was_never_used_has_its_quota_too() -> None:
    info = AccountInfo(204, sysmeta={"quota-bytes-policy-0": "5"})
    app = AccountQuotas(Canned(201), POLICIES)
    assert ask(app, "PUT", "/v1/a/c/o", account=info, Content_Length="6").status == 413


def test_who_may_not_write_learns_nothing_of_an_accounts_quota() -> None:
    info = AccountInfo(204, sysmeta={"quota-bytes": "0"}, bytes=1)

    def proxy(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        refused = environ["swift.authorize"](Request(environ))
        return (refused or standard_answer(201))(environ, start)

    app = AccountQuotas(proxy, POLICIES)
    for denied, status in ((standard_answer(403), 403), (None, 413)):
        answer = ask(app, "PUT", "/v1/a/c/o", account=info, authorize=lambda _, d=denied: d)
        assert answer.status == status


@pytest.mark.parametrize(
    ("header", "sysmeta"),
    [
        ("X-Account-Quota-Bytes", "QUOTA_BYTES"),
        ("X-Account-Quota-Count", "QUOTA_COUNT"),
        ("X-Account-Meta-Quota-Bytes", "QUOTA_BYTES"),
        ("X-Account-Quota-Bytes-Policy-gold", "QUOTA_BYTES_POLICY_0"),
        ("X-Account-Quota-Count-Policy-silver", "QUOTA_COUNT_POLICY_1"),
    ],
)
def test_only_resellers_set_quotas(header: str, sysmeta: str) -> None:
    app = Canned(204)
    quotas = AccountQuotas(app, POLICIES)
    key = header.replace("-", "_")
    remove = key.replace("X_", "X_Remove_", 1)
    for method in ("PUT", "POST"):
        for sent in ({key: "5"}, {key: ""}, {remove: "x"}):
            app.seen.clear()
            given: dict[str, Any] = sent
            assert ask(quotas, method, "/v1/a", **given).status == 403
            assert not app.seen
            assert ask(quotas, method, "/v1/a", reseller=True, **given).status == 204
            stored = app.last[f"HTTP_X_ACCOUNT_SYSMETA_{sysmeta}"]
            assert stored == ("5" if sent == {key: "5"} else "")


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "²", "1" * 40])
def test_an_accounts_quota_is_a_number(value: str) -> None:
    sent = value.encode().decode("latin-1")
    answer = ask(keeper(), "POST", "/v1/a", reseller=True, X_Account_Quota_Bytes=sent)
    assert answer.status == 400


def test_everybody_who_sees_the_account_sees_its_quotas() -> None:
    answer = ask(
        keeper(
            ("X-Account-Sysmeta-Quota-Bytes", "5"),
            ("X-Account-Sysmeta-Quota-Count-Policy-1", "7"),
        ),
        "HEAD",
        "/v1/a",
    )
    assert answer.headers["x-account-quota-bytes"] == "5"
    assert answer.headers["x-account-quota-count-policy-silver"] == "7"
    assert "x-account-quota-count" not in answer.headers


@pytest.mark.parametrize("path", ["/info", "/", "/v2/a", "v1/a"])
def test_other_paths_pass(path: str) -> None:
    assert ask(keeper(), "POST", path, X_Account_Quota_Bytes="5").status == 204


def test_quotas_are_read_from_digits_alone() -> None:
    assert read_quota("12") == 12
    for text in (None, "", "+1", " 1", "1_0", "٣"):
        assert read_quota(text) is None
