"""GET and HEAD of the object server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.formats.block_checksums import ATTRIBUTE
from swiftlite.host.bundle import Host
from swiftlite.objectstore.api import Damaged
from tests.obj.servers import NOW, Server, after
from tests.objectstore.stores import flip

MIB = 1 << 20
LARGE = os.urandom(3 * MIB + 77)


def test_headers_of_a_get_and_a_head_are_the_same(server: Server) -> None:
    server.put(b"hello", X_Object_Meta_Color="blue", X_Object_Sysmeta_A="b", Cache_Control="no")
    get, head = server.ask("GET"), server.ask("HEAD")
    assert get.status == head.status == 200
    assert get.body == b"hello"
    assert head.body == b""
    assert (
        get.headers
        == head.headers
        == {
            "content-type": "text/plain",
            "content-length": "5",
            "etag": '"5d41402abc4b2a76b9719d911017c592"',
            "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
            "x-timestamp": NOW.normal,
            "x-backend-timestamp": NOW.internal,
            "x-backend-data-timestamp": NOW.internal,
            "x-backend-durable-timestamp": NOW.internal,
            "x-object-meta-color": "blue",
            "x-object-sysmeta-a": "b",
            "cache-control": "no",
        }
    )


def test_names_and_values_beyond_ascii(server: Server) -> None:
    path = "/sda1/7/a/c/\xc3\xbc"  # WSGI strings hold UTF-8
    server.put(b"x", path=path, **{"X_Object_Meta_Ü": "\xe2\x98\x83"})
    answer = server.ask("GET", path)
    assert answer.status == 200
    assert "\xe2\x98\x83" in answer.headers.values()
    assert server.metadata("ü")["X-Object-Meta-Ü"] == "☃"


def test_a_missing_object_is_404(server: Server) -> None:
    answer = server.ask("GET")
    assert answer.status == 404
    assert "x-backend-timestamp" not in answer.headers
    assert server.ask("HEAD").status == 404


def test_a_deleted_object_tells_when(server: Server) -> None:
    server.ask("DELETE")
    answer = server.ask("GET", at=after(1))
    assert answer.status == 404
    assert answer.headers["x-backend-timestamp"] == NOW.internal


def test_no_timestamp_is_needed_for_reading(server: Server) -> None:
    server.put()
    assert server.ask("GET", at=None).status == 200


@pytest.mark.parametrize("text", ["", "x", "-1", "99999999999"])
def test_a_bad_timestamp_is_refused(server: Server, text: str) -> None:
    assert server.ask("GET", at=None, X_Timestamp=text).status == 400
    assert server.ask("PUT", at=None, body=b"", X_Timestamp=text).status == 400
    assert server.ask("POST", at=None, X_Timestamp=text).status == 400
    assert server.ask("DELETE", at=None, X_Timestamp=text).status == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sda1/7/a/c", 400),
        ("/sda1", 400),
        ("/", 400),
        ("/../7/a/c/o", 400),
        ("/sda1/x/a/c/o", 400),
        ("/sda1/7/a/c/\xff", 412),
        ("/sda1/7/a/c/o\0", 400),
        ("/sda1/7/a/\0c/o", 400),
        ("/sda1/7/a/\0c/\0o", 404),
        ("/sdx/7/a/c/o", 507),
    ],
)
def test_paths_that_are_none(server: Server, path: str, status: int) -> None:
    for verb in ("GET", "HEAD", "DELETE", "POST"):
        answer = server.ask(verb, path, at=after(1))
        assert answer.status == status, verb


def test_policies(server: Server) -> None:
    server.put(b"silver", X_Backend_Storage_Policy_Index="1")
    assert server.ask("GET").status == 404
    assert server.ask("GET", X_Backend_Storage_Policy_Index="1").body == b"silver"
    assert server.ask("GET", X_Backend_Storage_Policy_Index="2").status == 503
    assert server.ask("GET", X_Backend_Storage_Policy_Index="9").status == 503
    assert server.ask("GET", X_Backend_Storage_Policy_Index="x").status == 400


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=3-", 3, None), ("bytes=-4", -4, None), ("bytes=2-3", 2, 4)],
)
def test_ranges(server: Server, size: str, asked: str, start: int, stop: int | None) -> None:
    body = LARGE if size == "large" else b"0123456789"
    server.put(body)
    answer = server.ask("GET", Range=asked)
    assert answer.status == 206
    assert answer.body == body[start:stop]
    assert answer.headers["content-length"] == str(len(body[start:stop]))
    assert answer.headers["content-range"].endswith(f"/{len(body)}")


def test_several_ranges(server: Server) -> None:
    server.put(LARGE)
    answer = server.ask("GET", Range="bytes=0-1,2097152-2097154")
    assert answer.status == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges;boundary=")
    assert len(answer.body) == int(answer.headers["content-length"])
    assert LARGE[2097152:2097155] in answer.body


def test_a_range_beyond_the_end(server: Server) -> None:
    server.put(b"abc")
    answer = server.ask("GET", Range="bytes=3-")
    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */3"


def test_a_range_may_be_told_to_be_ignored(server: Server) -> None:
    server.put(b"abc", X_Static_Large_Object="True")
    answer = server.ask(
        "GET", Range="bytes=1-", X_Backend_Ignore_Range_If_Metadata_Present="x-static-large-object"
    )
    assert (answer.status, answer.body) == (200, b"abc")


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
@pytest.mark.parametrize("body", [b"hello", LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"other"'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"other"'}, 412),
        ({"If_Modified_Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, 304),
        ({"If_Modified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 200),
        ({"If_Unmodified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 412),
        ({"If_Unmodified_Since": "nonsense"}, 200),
    ],
)
def test_conditions(
    server: Server, verb: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    server.put(body)
    answer = server.ask(verb, **headers)
    assert answer.status == status
    assert answer.body == (body if verb == "GET" and status == 200 else b"")


def test_a_condition_on_what_is_not_there(server: Server) -> None:
    assert server.ask("GET", If_Match="*").status == 412
    assert server.ask("GET", If_None_Match="*").status == 404


def test_conditions_compare_with_the_etag_that_is_named(server: Server) -> None:
    server.put(b"x", X_Object_Sysmeta_Plain_Etag="client's")
    headers = {"X_Backend_Etag_Is_At": "X-Object-Sysmeta-None,X-Object-Sysmeta-Plain-Etag"}
    assert server.ask("GET", If_Match="client's", **headers).status == 200
    assert server.ask("GET", If_None_Match="client's", **headers).status == 304


def test_expiry(server: Server) -> None:
    at = int(NOW.seconds) + 10
    server.put(b"x", X_Delete_At=str(at))
    assert server.ask("GET", at=after(9)).headers["x-delete-at"] == str(at)
    gone = server.ask("GET", at=after(10))
    assert gone.status == 404
    assert gone.headers["x-backend-timestamp"] == NOW.internal
    assert server.ask("GET", at=after(10), X_Backend_Open_Expired="true").status == 200
    assert server.ask("GET", at=after(10), X_Backend_Replication="true").status == 200


def test_a_collision_is_403(server: Server) -> None:
    server.put()
    path = server.data_path()
    other = Path(server.diskfile("other").place.path)
    os.makedirs(other)
    os.rename(path, other / path.name)
    for verb in ("GET", "HEAD", "POST", "DELETE"):
        assert server.ask(verb, "/sda1/7/a/c/other", at=after(1)).status == 403


# Never a wrong byte


def test_a_bit_flipped_in_a_small_object_is_a_clean_404(server: Server) -> None:
    server.put(b"hello")
    flip(server.data_path(), 1)
    assert server.ask("GET").status == 404
    assert server.quarantined()
    assert server.ask("GET").status == 404


def test_a_bit_flipped_in_the_first_block_of_a_large_object_is_a_clean_404(server: Server) -> None:
    server.put(LARGE)
    flip(server.data_path(), 1000)
    answer = server.ask("GET")
    assert answer.status == 404
    assert server.quarantined()


def test_a_bit_flipped_later_breaks_the_body_off(server: Server) -> None:
    server.put(LARGE)
    flip(server.data_path(), 2 * MIB + 1)
    with pytest.raises(Damaged):
        server.ask("GET")
    assert server.quarantined()
    assert server.ask("GET").status == 404


def test_a_bit_flipped_in_the_range_asked_for_is_a_clean_404(server: Server) -> None:
    server.put(LARGE)
    flip(server.data_path(), 2 * MIB + 1)
    assert server.ask("GET", Range="bytes=0-9").body == LARGE[:10]
    assert server.ask("GET", Range="bytes=2097152-2097160").status == 404
    assert server.quarantined()


def test_a_bit_flipped_in_a_later_range_of_several_breaks_the_body_off(server: Server) -> None:
    server.put(LARGE)
    flip(server.data_path(), 2 * MIB + 1)
    with pytest.raises(Damaged):
        server.ask("GET", Range="bytes=0-9,2097152-2097160")
    assert server.quarantined()


def test_objects_of_swift_are_held_against_their_md5(server: Server) -> None:
    server.put(LARGE)
    os.removexattr(server.data_path(), ATTRIBUTE)
    assert server.ask("GET").body == LARGE
    flip(server.data_path(), 5)
    with pytest.raises(Damaged):
        server.ask("GET")
    assert server.quarantined()


def test_descriptors_are_closed_whatever_the_answer(server: Server) -> None:
    server.put(LARGE)
    before = len(os.listdir("/proc/self/fd"))
    for headers in (
        {}, {"Range": "bytes=0-1"}, {"Range": "bytes=9999999-"}, {"If_None_Match": "*"},
        {"If_Match": "x"}, {"Range": "bytes=0-1,5-9"},
    ):  # fmt: skip
        server.ask("GET", **headers)
        server.ask("HEAD", **headers)
    assert len(os.listdir("/proc/self/fd")) == before


def test_private_reads_of_large_objects_work_like_any(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, keep_cache_size=0, cooperative_period=1)
    server.put(LARGE)
    assert server.ask("GET", X_Auth_Token="t").body == LARGE


def test_other_verbs(server: Server) -> None:
    assert server.ask("OPTIONS").status == 200
    assert server.ask("OPTIONS").headers["allow"] == (
        "DELETE, GET, HEAD, OPTIONS, POST, PUT, REPLICATE, SSYNC"
    )
    for verb in ("COPY", "BREW", "__init__", "_answer"):
        assert server.ask(verb).status == 405


def test_a_server_without_replication(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, replication_server=False)
    assert server.ask("REPLICATE", "/sda1/7").status == 405


def test_each_request_leaves_a_line(server: Server) -> None:
    server.put()
    server.ask("GET", X_Trans_Id="tx1")
    assert any('"GET /sda1/7/a/c/o" 200 5 "-" "tx1"' in line for line in server.sink.lines)
