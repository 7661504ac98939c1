"""The account server's answers, verb by verb."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftlite.account.server import AccountServer
from swiftlite.config.units import Reserve
from tests.account.servers import Lines, make_server
from tests.dbstore.asking import Reply, ask
from tests.dbstore.stores import at

ACCOUNT = "/sda1/7/AUTH_a"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AccountServer]:
    made = make_server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def account(server: AccountServer) -> AccountServer:
    assert ask(server, "PUT", ACCOUNT).status == 201
    return server


def report(
    server: AccountServer,
    name: str,
    put: float = 1,
    deleted: float = 0,
    *,
    count: int = 0,
    policy: int = 0,
    account: str = ACCOUNT,
    **headers: Any,  # noqa: ANN401  # strings
) -> Reply:
    return ask(
        server,
        "PUT",
        f"{account}/{name}",
        X_Put_Timestamp=at(put).internal,
        X_Delete_Timestamp=at(deleted).internal if deleted else "0",
        X_Object_Count=str(count),
        X_Bytes_Used=str(count * 10),
        X_Backend_Storage_Policy_Index=str(policy),
        **headers,
    )


def test_put_creates_then_updates(server: AccountServer) -> None:
    assert ask(server, "PUT", ACCOUNT).status == 201
    assert ask(server, "PUT", ACCOUNT, 1).status == 202


def test_every_change_needs_a_timestamp(server: AccountServer) -> None:
    for verb in ("PUT", "POST", "DELETE"):
        assert ask(server, verb, ACCOUNT, None).status == 400
    assert ask(server, "PUT", ACCOUNT, None, X_Timestamp="tomorrow").status == 400


def test_head_tells_counts_timestamps_and_metadata(account: AccountServer) -> None:
    ask(account, "POST", ACCOUNT, 2, X_Account_Meta_Colour="grün", X_Account_Sysmeta_Key="k")
    report(account, "c", count=3)
    report(account, "d", count=4, policy=1)
    found = ask(account, "HEAD", ACCOUNT, None)
    assert found.status == 204
    assert found.body == b""
    assert found["X-Account-Container-Count"] == "2"
    assert found["X-Account-Object-Count"] == "7"
    assert found["X-Account-Bytes-Used"] == "70"
    assert found["X-Account-Storage-Policy-Gold-Container-Count"] == "1"
    assert found["X-Account-Storage-Policy-Silver-Object-Count"] == "4"
    assert found["X-Account-Storage-Policy-Silver-Bytes-Used"] == "40"
    assert found["X-Put-Timestamp"] == at(0).normal
    assert found["X-Account-Meta-Colour"].encode("latin-1").decode() == "grün"
    assert found["X-Account-Sysmeta-Key"] == "k"
    assert found["Content-Type"] == "text/plain; charset=utf-8"


def test_what_is_not_there_is_not_found(server: AccountServer) -> None:
    for verb in ("GET", "HEAD", "POST", "DELETE"):
        found = ask(server, verb, ACCOUNT)
        assert found.status == 404
        assert found.get("X-Account-Status") is None


def test_delete_then_not_found_and_recently_deleted(account: AccountServer) -> None:
    deleted = ask(account, "DELETE", ACCOUNT, 1)
    assert (deleted.status, deleted["X-Account-Status"]) == (204, "Deleted")
    for verb in ("GET", "HEAD", "POST", "DELETE"):
        found = ask(account, verb, ACCOUNT, 2)
        assert (found.status, found["X-Account-Status"]) == (404, "Deleted")
    again = ask(account, "PUT", ACCOUNT, 3)
    assert (again.status, again["X-Account-Status"]) == (403, "Deleted")


def test_an_empty_value_takes_metadata_away(account: AccountServer) -> None:
    ask(account, "POST", ACCOUNT, 1, X_Account_Meta_A="1")
    ask(account, "POST", ACCOUNT, 2, X_Account_Meta_A="")
    assert ask(account, "HEAD", ACCOUNT).get("X-Account-Meta-A") is None


def test_older_metadata_does_not_replace_newer(account: AccountServer) -> None:
    ask(account, "POST", ACCOUNT, 5, X_Account_Meta_A="new")
    ask(account, "POST", ACCOUNT, 4, X_Account_Meta_A="old")
    assert ask(account, "HEAD", ACCOUNT)["X-Account-Meta-A"] == "new"


def test_too_much_metadata_is_refused_over_several_requests(tmp_path: Path) -> None:
    server = make_server(tmp_path, limits={"max_meta_count": 3})
    ask(server, "PUT", ACCOUNT)
    answers = [
        ask(server, "POST", ACCOUNT, n, **{f"X_Account_Meta_M{n}": "v"}).status for n in range(5)
    ]
    assert answers == [204, 204, 204, 400, 400]
    server.close()


def test_metadata_that_is_not_utf8_is_refused(account: AccountServer) -> None:
    refused = ask(account, "POST", ACCOUNT, X_Account_Meta_A="\udcff")
    assert refused.status == 400
    assert b"UTF-8" in refused.body


def test_a_report_is_created_or_deleted(account: AccountServer) -> None:
    assert report(account, "c").status == 201
    assert report(account, "c", 1, deleted=2).status == 204
    assert ask(account, "GET", ACCOUNT).status == 204


def test_a_report_to_nobody_is_not_found(server: AccountServer) -> None:
    assert report(server, "c").status == 404


def test_a_report_to_a_deleted_account_needs_the_override(account: AccountServer) -> None:
    ask(account, "DELETE", ACCOUNT, 1)
    assert report(account, "c", 2).status == 404
    assert report(account, "c", 2, X_Account_Override_Deleted="yes").status == 201


def test_accounts_of_the_cluster_come_into_being_by_a_report(server: AccountServer) -> None:
    hidden = "/sda1/7/.expiring_objects"
    assert report(server, "123", account=hidden).status == 201
    assert ask(server, "HEAD", hidden)["X-Account-Container-Count"] == "1"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X_Put_Timestamp", "soon"),
        ("X_Delete_Timestamp", ""),
        ("X_Object_Count", "-1"),
        ("X_Object_Count", "1_0"),
        ("X_Bytes_Used", "²"),
        ("X_Bytes_Used", "9" * 30),
        ("X_Backend_Storage_Policy_Index", "gold"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(
    account: AccountServer, header: str, value: str
) -> None:
    good: dict[str, Any] = {
        "X_Put_Timestamp": at(1).internal,
        "X_Delete_Timestamp": "0",
        "X_Object_Count": "1",
        "X_Bytes_Used": "1",
    }
    assert ask(account, "PUT", f"{ACCOUNT}/c", **{**good, header: value}).status == 400
    del good["X_Object_Count"]
    assert ask(account, "PUT", f"{ACCOUNT}/c", **good).status == 400
    assert ask(account, "HEAD", ACCOUNT)["X-Account-Container-Count"] == "0"


@pytest.fixture
def listed(account: AccountServer) -> AccountServer:
    for number, name in enumerate(["a", "b-1", "b-2", "grün <&>", "z"]):
        report(account, name, count=number, policy=number % 2)
    return account


def test_a_plain_listing_is_names_and_no_content_when_empty(
    account: AccountServer, listed: AccountServer
) -> None:
    found = ask(listed, "GET", ACCOUNT)
    assert (found.status, found.lines) == (200, ["a", "b-1", "b-2", "grün <&>", "z"])
    assert found["Content-Type"] == "text/plain; charset=utf-8"
    empty = ask(listed, "GET", ACCOUNT, query="prefix=nothing")
    assert (empty.status, empty.body) == (204, b"")


def test_a_json_listing_has_counts_and_policies(listed: AccountServer) -> None:
    found = ask(listed, "GET", ACCOUNT, query="format=json&limit=2")
    assert found.json == [
        {"name": "a", "count": 0, "bytes": 0, "last_modified": iso(1), "storage_policy": "gold"},
        {
            "name": "b-1",
            "count": 1,
            "bytes": 10,
            "last_modified": iso(1),
            "storage_policy": "silver",
        },
    ]
    assert ask(listed, "GET", ACCOUNT, query="format=json&prefix=x").json == []


def iso(seconds: float) -> str:
    return at(seconds).isoformat


def test_an_xml_listing_is_escaped(listed: AccountServer) -> None:
    found = ask(listed, "GET", ACCOUNT, Accept="text/xml", query="delimiter=-")
    assert found["Content-Type"] == "text/xml; charset=utf-8"
    root = ET.fromstring(found.body)
    assert root.get("name") == "AUTH_a"
    assert [child.get("name") or child.findtext("name") for child in root] == [
        "a",
        "b-",
        "grün <&>",
        "z",
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("marker=a&limit=2", ["b-1", "b-2"]),
        ("end_marker=b-2", ["a", "b-1"]),
        ("prefix=b", ["b-1", "b-2"]),
        ("delimiter=-", ["a", "b-", "grün <&>", "z"]),
        ("prefix=b-&delimiter=-", ["b-1", "b-2"]),
        ("reverse=true&limit=2", ["z", "grün <&>"]),
        ("reverse=true&marker=b-2", ["b-1", "a"]),
        ("prefix=gr%C3%BC", ["grün <&>"]),
        ("limit=0", []),
    ],
)
def test_windows_of_a_listing(listed: AccountServer, query: str, names: list[str]) -> None:
    assert ask(listed, "GET", ACCOUNT, query=query).lines == names


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=10001", 412), ("limit=ten", 412), ("limit=-1", 412), ("marker=%ff", 400)],
)
def test_a_listing_that_makes_no_sense_is_refused(
    account: AccountServer, query: str, status: int
) -> None:
    assert ask(account, "GET", ACCOUNT, query=query).status == status


def test_a_form_that_is_not_offered_is_not_acceptable(account: AccountServer) -> None:
    assert ask(account, "GET", ACCOUNT, Accept="image/png").status == 406
    assert ask(account, "GET", ACCOUNT, Accept="junk").status == 400


def test_reserved_names_are_for_who_may_see_them(account: AccountServer) -> None:
    report(account, "\x00versions\x00c")
    report(account, "c")
    assert ask(account, "GET", ACCOUNT).lines == ["c"]
    shown = ask(account, "GET", ACCOUNT, X_Backend_Allow_Reserved_Names="true")
    assert shown.lines == ["\x00versions\x00c", "c"]


@pytest.mark.parametrize(
    "path",
    [
        "/sda1/7",
        "/sda1/x/AUTH_a",
        "/../7/AUTH_a",
        "/./7/AUTH_a",
        "//7/AUTH_a",
        "/sda1/7/",
        "/sda1/7/AUTH_a/c/o/more",
        "/sda1/7/AU\x00TH_a",
        "/sda1/7/AUTH_a/c\x00d",
        "/sda 1/7/AUTH_a",
    ],
)
def test_paths_that_lead_nowhere_are_refused(server: AccountServer, path: str) -> None:
    assert ask(server, "PUT", path).status == 400


def test_a_path_that_is_not_utf8_fails_its_precondition(server: AccountServer) -> None:
    assert ask(server, "GET", "", wsgi_path="/sda1/7/AUTH_\xff").status == 412


def test_names_in_any_script(server: AccountServer) -> None:
    path = "/sda1/7/AUTH_grün 😀"
    assert ask(server, "PUT", path).status == 201
    assert report(server, "コンテナ", account=path).status == 201
    assert ask(server, "GET", path).lines == ["コンテナ"]


def test_a_missing_device_is_insufficient_storage(server: AccountServer, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "sda1")
    for verb in ("PUT", "POST", "GET", "HEAD", "DELETE"):
        assert ask(server, verb, ACCOUNT).status == 507


def test_a_device_within_its_reserve_takes_no_more(tmp_path: Path) -> None:
    roomy = make_server(tmp_path)
    ask(roomy, "PUT", ACCOUNT)
    roomy.close()
    full = make_server(tmp_path, fallocate_reserve=Reserve(percent=100))
    assert ask(full, "PUT", ACCOUNT, 1).status == 507
    assert ask(full, "POST", ACCOUNT, 1).status == 507
    assert report(full, "c").status == 507
    assert ask(full, "GET", ACCOUNT).status == 204
    assert ask(full, "DELETE", ACCOUNT, 2).status == 204
    full.close()


def test_damage_is_unavailable_once_and_not_found_after(
    account: AccountServer, tmp_path: Path
) -> None:
    account.close()
    (path,) = tmp_path.rglob("*.db")
    path.write_bytes(b"this is no database, is it? " * 300)
    server = make_server(tmp_path)
    assert ask(server, "HEAD", ACCOUNT).status == 503
    assert ask(server, "HEAD", ACCOUNT).status == 404
    assert list((tmp_path / "sda1/quarantined/accounts").iterdir())


def test_other_verbs_are_not_allowed_and_options_lists_those_that_are(
    server: AccountServer,
) -> None:
    found = ask(server, "BREW", ACCOUNT)
    assert found.status == 405
    options = ask(server, "OPTIONS", ACCOUNT)
    assert options.status == 200
    assert set(options["Allow"].split(", ")) >= {"PUT", "POST", "GET", "HEAD", "DELETE"}
    assert options["Server"].startswith("account-server/")


def test_each_request_leaves_a_line(tmp_path: Path) -> None:
    lines = Lines()
    server = make_server(tmp_path, lines)
    ask(server, "PUT", ACCOUNT, X_Trans_Id="tx123", User_Agent="proxy-server 1")
    (line,) = lines.lines
    assert f'"PUT {ACCOUNT}" 201' in line
    assert '"tx123" "proxy-server 1"' in line
    server.close()
    silent = Lines()
    quiet = make_server(tmp_path, silent, log_requests=False)
    ask(quiet, "HEAD", ACCOUNT)
    assert silent.lines == []
    quiet.close()


def test_a_json_listing_can_be_read_back(listed: AccountServer) -> None:
    body = ask(listed, "GET", ACCOUNT, Accept="application/json").body
    assert [entry["name"] for entry in json.loads(body)][3] == "grün <&>"
