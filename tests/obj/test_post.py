"""POST and DELETE of the object server."""

from __future__ import annotations

import pytest

from tests.obj.servers import NOW, Server, after


def test_a_post_replaces_user_metadata_only(server: Server) -> None:
    server.put(
        b"x", X_Object_Meta_A="1", X_Object_Sysmeta_B="2", X_Object_Transient_Sysmeta_C="3",
        Cache_Control="no", X_Delete_At="1800000000",
    )  # fmt: skip
    answer = server.ask("POST", at=after(1), X_Object_Meta_D="4", X_Object_Sysmeta_E="5")
    assert answer.status == 202
    assert answer.headers["x-object-sysmeta-b"] == "2"
    assert answer.headers["x-backend-content-type"] == "text/plain"
    found = server.ask("GET").headers
    assert found["x-object-meta-d"] == "4"
    assert found["x-object-sysmeta-b"] == "2"
    for gone in ("a", "c"):
        assert f"x-object-meta-{gone}" not in found
    assert "x-object-transient-sysmeta-c" not in found
    assert "x-object-sysmeta-e" not in found
    assert "cache-control" not in found
    assert "x-delete-at" not in found
    assert found["x-timestamp"] == after(1).normal
    assert found["x-backend-data-timestamp"] == NOW.internal


def test_a_post_to_nothing_is_404(server: Server) -> None:
    assert server.ask("POST").status == 404
    server.ask("DELETE")
    assert server.ask("POST", at=after(1)).status == 404


@pytest.mark.parametrize("older_by", [0, 1])
def test_an_old_post_is_a_conflict(server: Server, older_by: int) -> None:
    server.put(at=after(1))
    answer = server.ask("POST", at=after(1).plus(-older_by))
    assert answer.status == 409
    assert answer.headers["x-backend-timestamp"] == after(1).internal


def test_the_content_type_has_a_time_of_its_own(server: Server) -> None:
    server.put()
    server.ask("POST", at=after(1), Content_Type="a/one")
    server.ask("POST", at=after(3), X_Object_Meta_A="3")
    found = server.ask("GET").headers
    assert (found["content-type"], found["x-object-meta-a"]) == ("a/one", "3")
    # A POST that is too old for the metadata, and new for the type.
    answer = server.ask("POST", at=after(2), Content_Type="a/two", X_Object_Meta_A="2")
    assert answer.status == 202
    assert answer.headers["x-backend-content-type"] == "a/two"
    found = server.ask("GET").headers
    assert (found["content-type"], found["x-object-meta-a"]) == ("a/two", "3")
    assert found["x-timestamp"] == after(3).normal
    assert server.ask("POST", at=after(2), Content_Type="a/three").status == 409


def test_a_replicating_peer_brings_the_content_types_time(server: Server) -> None:
    server.put()
    server.ask(
        "POST", at=after(5), Content_Type="a/one", Content_Type_Timestamp=after(2).internal,
        X_Backend_Replication="true",
    )  # fmt: skip
    assert server.ask("POST", at=after(3), Content_Type="a/two").status == 202
    assert server.ask("GET").headers["content-type"] == "a/two"
    bad = server.ask("POST", at=after(6), Content_Type="a/b", Content_Type_Timestamp="x")
    assert bad.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Delete_At": "x"}, {"X_Delete_At": "1"}, {"X_Delete_At": "9" * 30},
        {"X_Object_Meta_A": "x" * 257},
    ],
)  # fmt: skip
def test_what_is_refused(server: Server, headers: dict[str, str]) -> None:
    server.put()
    assert server.ask("POST", at=after(1), **headers).status == 400


def test_a_post_may_set_and_clear_the_expiry(server: Server) -> None:
    server.put()
    at = str(int(after(5).seconds))
    server.ask("POST", at=after(1), X_Delete_At=at)
    assert server.ask("GET", at=after(2)).headers["x-delete-at"] == at
    assert server.ask("GET", at=after(5)).status == 404
    assert server.ask("POST", at=after(6)).status == 404
    assert server.ask("POST", at=after(6), X_Backend_Open_Expired="true").status == 202
    assert server.ask("GET", at=after(7)).status == 200


# DELETE


def test_delete_of_an_object(server: Server) -> None:
    server.put()
    answer = server.ask("DELETE", at=after(1))
    assert answer.status == 204
    assert answer.headers["x-backend-timestamp"] == after(1).internal
    assert answer.headers["x-backend-content-type"] == "text/plain"
    assert server.files() == [f"{after(1).internal}.ts"]


def test_delete_of_nothing_leaves_a_tombstone(server: Server) -> None:
    answer = server.ask("DELETE")
    assert (answer.status, answer.headers["x-backend-timestamp"]) == (404, NOW.internal)
    assert server.files() == [f"{NOW.internal}.ts"]


def test_delete_again(server: Server) -> None:
    server.ask("DELETE")
    assert server.ask("DELETE", at=after(1)).status == 404
    assert server.files() == [f"{after(1).internal}.ts"]
    old = server.ask("DELETE", at=NOW)
    assert (old.status, old.headers["x-backend-timestamp"]) == (404, after(1).internal)
    assert server.files() == [f"{after(1).internal}.ts"]


@pytest.mark.parametrize("older_by", [0, 1])
def test_an_old_delete_is_a_conflict(server: Server, older_by: int) -> None:
    server.put(at=after(1))
    answer = server.ask("DELETE", at=after(1).plus(-older_by))
    assert (answer.status, answer.headers["x-backend-timestamp"]) == (409, after(1).internal)
    assert server.ask("GET").status == 200


def test_delete_of_an_expired_object(server: Server) -> None:
    server.put(X_Delete_At=str(int(after(1).seconds)))
    assert server.ask("DELETE", at=after(2)).status == 404
    assert server.files() == [f"{after(2).internal}.ts"]


@pytest.mark.parametrize(
    ("stored", "asked", "status"),
    [
        ("1700000005", "1700000005", 204),
        ("1700000005", "1700000006", 412),
        (None, "1700000005", 412),
        ("1700000005", "x", 400),
    ],
)
def test_the_expirer_deletes_only_what_still_expires(
    server: Server, stored: str | None, asked: str, status: int
) -> None:
    server.put(**({"X_Delete_At": stored} if stored else {}))
    answer = server.ask("DELETE", at=after(9), X_If_Delete_At=asked)
    assert answer.status == status
    assert (server.files() == [f"{after(9).internal}.ts"]) == (status == 204)


def test_the_expirer_and_an_object_that_is_gone_or_newer(server: Server) -> None:
    assert server.ask("DELETE", X_If_Delete_At="1700000000").status == 404
    server.put(at=after(3), X_Delete_At="1700000005")
    assert server.ask("DELETE", at=after(2), X_If_Delete_At="1700000005").status == 409
