"""The container server's answers, verb by verb."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftlite.config.units import Reserve
from swiftlite.container.server import ContainerServer
from swiftlite.formats.sync_realms import parse_sync_realms
from tests.container.servers import make_server
from tests.dbstore.asking import Reply, ask
from tests.dbstore.stores import at

CONTAINER = "/sda1/7/AUTH_a/c"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ContainerServer]:
    made = make_server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def container(server: ContainerServer) -> ContainerServer:
    assert ask(server, "PUT", CONTAINER).status == 201
    return server


def put_row(
    server: ContainerServer,
    name: str,
    seconds: float = 1,
    *,
    size: int = 1,
    path: str = CONTAINER,
    **headers: str,
) -> Reply:
    fields: dict[str, Any] = {"X_Size": str(size), "X_Content_Type": "text/plain", "X_Etag": "etag"}
    return ask(server, "PUT", f"{path}/{name}", seconds, **{**fields, **headers})


def wire_row(name: str, seconds: float = 1, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "created_at": at(seconds).internal,
        "size": 1,
        "content_type": "text/plain",
        "etag": "etag",
        "deleted": 0,
        "storage_policy_index": 0,
        "ctype_timestamp": None,
        "meta_timestamp": None,
        **more,
    }


def test_put_creates_then_accepts_and_names_the_policy(server: ContainerServer) -> None:
    made = ask(server, "PUT", CONTAINER)
    assert (made.status, made["X-Backend-Storage-Policy-Index"]) == (201, "0")
    again = ask(server, "PUT", CONTAINER, 1)
    assert (again.status, again["X-Backend-Storage-Policy-Index"]) == (202, "0")


def test_the_policy_is_the_one_asked_for_or_the_proxys_default(server: ContainerServer) -> None:
    made = ask(server, "PUT", CONTAINER, X_Backend_Storage_Policy_Index="1")
    assert made["X-Backend-Storage-Policy-Index"] == "1"
    made = ask(server, "PUT", "/sda1/7/AUTH_a/d", X_Backend_Storage_Policy_Default="1")
    assert made["X-Backend-Storage-Policy-Index"] == "1"


def test_another_policy_conflicts_and_names_the_current_one(container: ContainerServer) -> None:
    refused = ask(container, "PUT", CONTAINER, 1, X_Backend_Storage_Policy_Index="1")
    assert (refused.status, refused["X-Backend-Storage-Policy-Index"]) == (409, "0")


@pytest.mark.parametrize("policy", ["7", "-1", "gold", ""])
def test_a_policy_that_is_none_is_refused(container: ContainerServer, policy: str) -> None:
    index: dict[str, Any] = {"X_Backend_Storage_Policy_Index": policy}
    assert ask(container, "PUT", CONTAINER, 1, **index).status == 400
    assert put_row(container, "o", **index).status == 400
    assert ask(container, "GET", CONTAINER, **index).status == 400


def test_every_change_needs_a_timestamp(container: ContainerServer) -> None:
    for verb in ("PUT", "POST", "DELETE", "UPDATE"):
        assert ask(container, verb, CONTAINER, None, body="[]").status == 400
    for verb in ("PUT", "DELETE"):
        assert ask(container, verb, f"{CONTAINER}/o", None).status == 400


def test_head_tells_what_a_proxy_asks_for(container: ContainerServer) -> None:
    ask(container, "POST", CONTAINER, 2, X_Container_Meta_Colour="grün", X_Container_Read=".r:*")
    put_row(container, "o", size=5)
    found = ask(container, "HEAD", CONTAINER, None)
    assert (found.status, found.body) == (204, b"")
    assert found["X-Container-Object-Count"] == "1"
    assert found["X-Container-Bytes-Used"] == "5"
    assert found["X-Put-Timestamp"] == at(2).normal
    assert found["X-Backend-Put-Timestamp"] == at(2).internal
    assert found["X-Backend-Delete-Timestamp"] == "0000000000.00000"
    assert found["X-Backend-Status-Changed-At"] == at(0).internal
    assert found["X-Backend-Timestamp"]
    assert found["X-Backend-Storage-Policy-Index"] == "0"
    assert found["X-Backend-Sharding-State"] == "unsharded"
    assert found["X-Container-Meta-Colour"].encode("latin-1").decode() == "grün"
    assert found["X-Container-Read"] == ".r:*"
    assert found["Last-Modified"].endswith("GMT")


def test_a_container_never_heard_of_is_not_found(server: ContainerServer) -> None:
    for verb in ("GET", "HEAD"):
        found = ask(server, verb, CONTAINER)
        assert found.status == 404
        assert found["X-Backend-Timestamp"] == "0000000000.00000"
    for verb in ("POST", "DELETE"):
        assert ask(server, verb, CONTAINER).status == 404
    assert put_row(server, "o").status == 404
    assert ask(server, "DELETE", f"{CONTAINER}/o").status == 404
    assert ask(server, "UPDATE", CONTAINER, body=json.dumps([wire_row("o")])).status == 404


def test_a_deleted_container_tells_other_servers_when(container: ContainerServer) -> None:
    assert ask(container, "DELETE", CONTAINER, 3).status == 204
    found = ask(container, "HEAD", CONTAINER)
    assert found.status == 404
    assert found["X-Backend-Delete-Timestamp"] == at(3).internal
    assert found.get("X-Container-Object-Count") is None
    assert ask(container, "DELETE", CONTAINER, 4).status == 404
    assert ask(container, "POST", CONTAINER, 4).status == 404


def test_a_deleted_container_can_be_made_again_later_only(container: ContainerServer) -> None:
    ask(container, "DELETE", CONTAINER, 3)
    assert ask(container, "PUT", CONTAINER, 2).status == 409
    assert ask(container, "PUT", CONTAINER, 4).status == 201
    assert ask(container, "HEAD", CONTAINER)["X-Backend-Status-Changed-At"] == at(4).internal


def test_deletion_is_guarded(container: ContainerServer) -> None:
    put_row(container, "o", 1)
    assert ask(container, "DELETE", CONTAINER, 2).status == 409
    assert ask(container, "DELETE", f"{CONTAINER}/o", 3).status == 204
    ask(container, "PUT", CONTAINER, 5)
    assert ask(container, "DELETE", CONTAINER, 4).status == 409
    assert ask(container, "DELETE", CONTAINER, 6).status == 204


def test_post_touches_the_timestamp_unless_told_not_to(container: ContainerServer) -> None:
    assert ask(container, "POST", CONTAINER, 5).status == 204
    ask(container, "POST", CONTAINER, 9, X_Backend_No_Timestamp_Update="true")
    assert ask(container, "HEAD", CONTAINER)["X-Backend-Put-Timestamp"] == at(5).internal


def test_rows_come_and_go(container: ContainerServer) -> None:
    assert put_row(container, "a/b c", size=4).status == 201
    assert put_row(container, "grün 😀").status == 201
    assert ask(container, "GET", CONTAINER).lines == ["a/b c", "grün 😀"]
    assert ask(container, "DELETE", f"{CONTAINER}/a/b c", 2).status == 204
    assert ask(container, "GET", CONTAINER).lines == ["grün 😀"]
    assert ask(container, "DELETE", f"{CONTAINER}/never was", 2).status == 204


def test_an_older_row_changes_nothing(container: ContainerServer) -> None:
    put_row(container, "o", 5, size=5)
    assert put_row(container, "o", 4, size=4).status == 201
    assert ask(container, "DELETE", f"{CONTAINER}/o", 3).status == 204
    assert ask(container, "HEAD", CONTAINER)["X-Container-Bytes-Used"] == "5"


def test_a_type_of_its_own_time(container: ContainerServer) -> None:
    put_row(container, "o", 1)
    put_row(
        container,
        "o",
        1,
        X_Content_Type="new/type",
        X_Content_Type_Timestamp=at(4).internal,
        X_Meta_Timestamp=at(5).internal,
    )
    (entry,) = ask(container, "GET", CONTAINER, query="format=json").json
    assert entry["content_type"] == "new/type"
    assert entry["last_modified"] == at(5).isoformat


@pytest.mark.parametrize(
    "change",
    [
        {"X_Size": "-1"},
        {"X_Size": "many"},
        {"X_Content_Type": "\udcff"},
        {"X_Content_Type_Timestamp": "x"},
        {"X_Meta_Timestamp": "1e400"},
    ],
)
def test_rows_that_make_no_sense_are_refused(
    container: ContainerServer, change: dict[str, Any]
) -> None:
    assert put_row(container, "o", **change).status == 400
    assert ask(container, "HEAD", CONTAINER)["X-Container-Object-Count"] == "0"


@pytest.mark.parametrize("missing", ["X_Size", "X_Content_Type", "X_Etag"])
def test_rows_that_lack_something_are_refused(container: ContainerServer, missing: str) -> None:
    fields = {"X_Size": "1", "X_Content_Type": "text/plain", "X_Etag": "e"}
    del fields[missing]
    assert ask(container, "PUT", f"{CONTAINER}/o", 1, **fields).status == 400


def test_many_rows_in_one_call(container: ContainerServer) -> None:
    rows = [wire_row(f"o{n:04d}", size=n) for n in range(1500)]
    rows.append(wire_row("o0001", 2, deleted=1, size=0))
    taken = ask(
        container, "UPDATE", CONTAINER, None, X_Backend_Swiftlite_Rows="1", body=json.dumps(rows)
    )
    assert taken.status == 202
    found = ask(container, "HEAD", CONTAINER)
    assert found["X-Container-Object-Count"] == "1499"
    assert found["X-Container-Bytes-Used"] == str(sum(range(1500)) - 1)


def test_rows_that_swifts_proxy_sends_are_the_same(container: ContainerServer) -> None:
    row = wire_row("o")
    for name in ("ctype_timestamp", "meta_timestamp"):
        del row[name]
    assert ask(container, "UPDATE", CONTAINER, body=json.dumps([row])).status == 202
    assert ask(container, "GET", CONTAINER).lines == ["o"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "{}",
        "[5]",
        "[{}]",
        json.dumps([wire_row("o", size=-1)]),
        json.dumps([wire_row("good"), wire_row("o", created_at="x")]),
        json.dumps([wire_row("o", storage_policy_index=9)]),
        "[" * 100_000,
        '[{"name": "\\ud800"}]',
        b"\xff\xfe",
    ],
)
def test_a_call_of_rows_that_makes_no_sense_is_refused_whole(
    container: ContainerServer, body: bytes | str
) -> None:
    refused = ask(container, "UPDATE", CONTAINER, body=body)
    assert refused.status == 400
    assert refused.headers["content-type"].startswith("text/plain")
    assert ask(container, "HEAD", CONTAINER)["X-Container-Object-Count"] == "0"


def test_the_lane_is_offered_to_who_asks_and_to_nobody_else(container: ContainerServer) -> None:
    assert put_row(container, "o", X_Backend_Swiftlite="rows")["X-Backend-Swiftlite"] == "rows"
    assert put_row(container, "o").get("X-Backend-Swiftlite") is None
    missing = put_row(container, "o", path="/sda1/7/AUTH_a/none", X_Backend_Swiftlite="rows")
    assert (missing.status, missing["X-Backend-Swiftlite"]) == (404, "rows")


def test_containers_of_the_cluster_come_into_being_by_a_row(server: ContainerServer) -> None:
    path = "/sda1/7/.expiring_objects/1700000000"
    assert put_row(server, "1700000000-a/c/o", path=path).status == 201
    assert ask(server, "GET", path).lines == ["1700000000-a/c/o"]


def test_shards_are_made_only_by_who_says_so(server: ContainerServer) -> None:
    path = "/sda1/7/.shards_AUTH_a/c-1"
    assert put_row(server, "o", path=path).status == 404
    assert put_row(server, "o", path=path, X_Backend_Auto_Create="true").status == 201
    hidden = "/sda1/7/.misplaced_objects/0"
    assert put_row(server, "o", path=hidden, X_Backend_Auto_Create="false").status == 404


@pytest.fixture
def listed(container: ContainerServer) -> ContainerServer:
    rows = [
        wire_row("photos/animals/cats/persian.gif", size=10),
        wire_row("photos/animals/dogs/corgi.jpg"),
        wire_row("photos/me.jpg", content_type='video/mp4;charset="x;y";swift_bytes=123456'),
        wire_row("photos/plants/"),
        wire_row("photos/plants/fern.jpg"),
        wire_row("readme", size=0),
        wire_row("ümlaut <&>", 2),
    ]
    assert ask(container, "UPDATE", CONTAINER, body=json.dumps(rows)).status == 202
    return container


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("delimiter=/", ["photos/", "readme", "ümlaut <&>"]),
        (
            "prefix=photos/&delimiter=/",
            ["photos/animals/", "photos/me.jpg", "photos/plants/"],
        ),
        ("path=photos", ["photos/me.jpg", "photos/plants/"]),
        ("path=photos&reverse=true", ["photos/plants/", "photos/me.jpg"]),
        ("path=", ["readme", "ümlaut <&>"]),
        ("prefix=photos/&delimiter=s/", ["photos/animals/", "photos/me.jpg", "photos/plants/"]),
        ("marker=photos/plants/", ["photos/plants/fern.jpg", "readme", "ümlaut <&>"]),
        (
            "end_marker=photos/b",
            ["photos/animals/cats/persian.gif", "photos/animals/dogs/corgi.jpg"],
        ),
        ("reverse=on&limit=2", ["ümlaut <&>", "readme"]),
        ("prefix=%C3%BC", ["ümlaut <&>"]),
        ("limit=1&marker=r", ["readme"]),
    ],
)
def test_windows_of_a_listing(listed: ContainerServer, query: str, names: list[str]) -> None:
    assert ask(listed, "GET", CONTAINER, query=query).lines == names


def test_a_json_listing(listed: ContainerServer) -> None:
    found = ask(listed, "GET", CONTAINER, query="format=json&prefix=photos/&delimiter=/")
    assert found["Content-Type"] == "application/json; charset=utf-8"
    assert found["X-Backend-Record-Type"] == "object"
    assert found["X-Backend-Record-Storage-Policy-Index"] == "0"
    assert found.json == [
        {"subdir": "photos/animals/"},
        {
            "bytes": 123456,
            "hash": "etag",
            "name": "photos/me.jpg",
            "content_type": 'video/mp4;charset="x;y"',
            "last_modified": at(1).isoformat,
        },
        {"subdir": "photos/plants/"},
    ]


def test_an_xml_listing(listed: ContainerServer) -> None:
    found = ask(listed, "GET", CONTAINER, query="format=xml&delimiter=/")
    assert found["Content-Type"] == "application/xml; charset=utf-8"
    root = ET.fromstring(found.body)
    assert (root.tag, root.get("name")) == ("container", "c")
    assert [child.findtext("name") for child in root] == ["photos/", "readme", "ümlaut <&>"]


def test_a_large_listing_is_rendered_whole_in_every_form(container: ContainerServer) -> None:
    rows = [wire_row(f"o{n:05d}") for n in range(1200)]
    ask(container, "UPDATE", CONTAINER, body=json.dumps(rows))
    wanted = [f"o{n:05d}" for n in range(1200)]
    assert ask(container, "GET", CONTAINER).lines == wanted
    listing = ask(container, "GET", CONTAINER, query="format=json").json
    assert [entry["name"] for entry in listing] == wanted
    root = ET.fromstring(ask(container, "GET", CONTAINER, query="format=xml").body)
    assert [child.findtext("name") for child in root] == wanted


def test_an_empty_listing(container: ContainerServer) -> None:
    assert (ask(container, "GET", CONTAINER).status) == 204
    empty = ask(container, "GET", CONTAINER, query="format=json")
    assert (empty.status, empty.json) == (200, [])


def test_deleted_rows_are_shown_to_who_asks(container: ContainerServer) -> None:
    put_row(container, "o", 1)
    ask(container, "DELETE", f"{CONTAINER}/o", 2)
    shown = ask(container, "GET", CONTAINER, X_Backend_Include_Deleted="true")
    assert shown.lines == ["o"]


def test_a_listing_may_be_of_another_policy(container: ContainerServer) -> None:
    put_row(container, "misplaced", X_Backend_Storage_Policy_Index="1")
    assert ask(container, "GET", CONTAINER).status == 204
    other = ask(container, "GET", CONTAINER, X_Backend_Storage_Policy_Index="1")
    assert other.lines == ["misplaced"]
    assert other["X-Backend-Record-Storage-Policy-Index"] == "1"


def test_reserved_names_are_for_who_may_see_them(server: ContainerServer) -> None:
    path = "/sda1/7/AUTH_a/\x00versions\x00c"
    assert ask(server, "PUT", path).status == 201
    assert put_row(server, "\x00o\x00v", path=path).status == 201
    assert ask(server, "GET", path).status == 204
    shown = ask(server, "GET", path, X_Backend_Allow_Reserved_Names="true")
    assert shown.body.decode() == "\x00o\x00v\n"


@pytest.mark.parametrize(
    "path",
    [
        "/sda1/7/AUTH_a",
        "/sda1/7/AUTH_a//o",
        "/sda1/seven/AUTH_a/c",
        "/../7/AUTH_a/c",
        "/sda1/7/AUTH_a/c\x00d",
        "/sda1/7/AUTH_a/c/o\x00p",
        "/sda1/7/AUTH_a/c/\x00reserved",
        "/sda1/7/AUTH_a/\x00c/plain",
    ],
)
def test_paths_that_lead_nowhere_are_refused(container: ContainerServer, path: str) -> None:
    fields = {"X_Size": "1", "X_Content_Type": "t", "X_Etag": "e"}
    assert ask(container, "PUT", path, 1, **fields).status == 400


def test_a_path_that_is_not_utf8_fails_its_precondition(server: ContainerServer) -> None:
    assert ask(server, "PUT", "", wsgi_path="/sda1/7/a/c/\xff").status == 412


def test_metadata_limits_hold_over_several_requests(tmp_path: Path) -> None:
    server = make_server(tmp_path, limits={"max_meta_overall_size": 12})
    ask(server, "PUT", CONTAINER)
    assert ask(server, "POST", CONTAINER, 1, X_Container_Meta_A="12345").status == 204
    assert ask(server, "POST", CONTAINER, 2, X_Container_Meta_B="1234567").status == 400
    assert ask(server, "POST", CONTAINER, 3, X_Container_Meta_A="").status == 204
    assert ask(server, "POST", CONTAINER, 4, X_Container_Meta_B="1234567").status == 204
    server.close()


REALMS = """
[US]
key = secret
cluster_dfw = https://dfw.example.com/v1
"""


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("https://127.0.0.1/v1/AUTH_a/c", 204),
        ("//us/DFW/AUTH_b/c", 204),
        ("", 204),
        ("//us/nowhere/AUTH_b/c", 400),
        ("//eu/dfw/AUTH_b/c", 400),
        ("//us/dfw/AUTH_b", 400),
        ("https://evil.example.com/v1/AUTH_a/c", 400),
        ("ftp://127.0.0.1/v1/AUTH_a/c", 400),
        ("https://127.0.0.1", 400),
        ("https://127.0.0.1/v1/a/c?x=1", 400),
        ("https://[/v1", 400),
    ],
)
def test_sync_targets_are_checked(tmp_path: Path, target: str, status: int) -> None:
    server = make_server(tmp_path, realms=parse_sync_realms(REALMS))
    ask(server, "PUT", CONTAINER)
    assert ask(server, "POST", CONTAINER, 1, X_Container_Sync_To=target).status == status
    server.close()


def test_containers_that_sync_are_linked_while_they_do(
    container: ContainerServer, tmp_path: Path
) -> None:
    links = tmp_path / "sda1/sync_containers"
    target = "https://127.0.0.1/v1/AUTH_a/c"
    ask(container, "POST", CONTAINER, 1, X_Container_Sync_To=target)
    assert not links.exists()
    ask(container, "POST", CONTAINER, 2, X_Container_Sync_Key="k")
    (link,) = links.rglob("*.db")
    assert link.resolve() == next((tmp_path / "sda1/containers").rglob("*.db")).resolve()
    ask(container, "POST", CONTAINER, 3, X_Container_Sync_To="")
    assert list(links.rglob("*.db")) == []
    ask(container, "POST", CONTAINER, 4, X_Container_Sync_To=target)
    assert len(list(links.rglob("*.db"))) == 1
    ask(container, "DELETE", CONTAINER, 5)
    assert list(links.rglob("*.db")) == []


def test_versions_location_is_kept_only_by_option(tmp_path: Path) -> None:
    for allowed, kept in ((False, None), (True, "archive")):
        server = make_server(tmp_path, allow_versions=allowed)
        ask(server, "PUT", CONTAINER, 1, X_Versions_Location="archive")
        assert ask(server, "HEAD", CONTAINER).get("X-Versions-Location") == kept
        server.close()


def test_a_missing_device_is_insufficient_storage(
    container: ContainerServer, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "sda1")
    for verb in ("PUT", "POST", "GET", "HEAD", "DELETE"):
        assert ask(container, verb, CONTAINER).status == 507
    assert put_row(container, "o").status == 507
    assert ask(container, "UPDATE", CONTAINER, body=json.dumps([wire_row("o")])).status == 507


def test_a_device_within_its_reserve_takes_deletions_alone(tmp_path: Path) -> None:
    roomy = make_server(tmp_path)
    ask(roomy, "PUT", CONTAINER)
    put_row(roomy, "o", 1)
    roomy.close()
    full = make_server(tmp_path, fallocate_reserve=Reserve(percent=100))
    assert put_row(full, "p").status == 507
    assert ask(full, "POST", CONTAINER, 1).status == 507
    assert ask(full, "UPDATE", CONTAINER, body=json.dumps([wire_row("o")])).status == 507
    assert ask(full, "GET", CONTAINER).lines == ["o"]
    assert ask(full, "DELETE", f"{CONTAINER}/o", 2).status == 204
    assert ask(full, "DELETE", CONTAINER, 3).status == 204
    full.close()


def test_shard_records_are_refused_in_words(container: ContainerServer) -> None:
    for verb in ("PUT", "GET"):
        refused = ask(container, verb, CONTAINER, X_Backend_Record_Type="shard")
        assert refused.status == 501
        assert b"shard" in refused.body
    auto = ask(container, "GET", CONTAINER, X_Backend_Record_Type="auto")
    assert (auto.status, auto["X-Backend-Record-Type"]) == (204, "object")


def test_options_names_the_server(server: ContainerServer) -> None:
    found = ask(server, "OPTIONS", "/")
    assert found["Server"].startswith("container-server/")
    assert "UPDATE" in found["Allow"]
