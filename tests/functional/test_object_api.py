"""The object API as clients see it, over a running cluster."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from email import message_from_bytes

import pytest

from tests.functional.cluster import Client, Embedded

ODD_NAMES = [
    "plain",
    "with space",
    "a/b/c",
    "100%25",
    "per cent %",
    "naïve",
    "日本語",
    "🎈",
    "quote'\"<>&",
    "question?x=1#y",
    "plus+plus",
    " leading",
    "trailing ",
    "/slash/first",
    "double//slash",
    "dots/../kept",
    "tab\there",
    "semi;colon",
]


@pytest.fixture
def box(client: Client, request: pytest.FixtureRequest) -> str:
    """A container of the test's own, as a path."""
    path = "/" + re.sub(r"\W", "_", request.node.name)[:200]
    assert client.put(path).status in (201, 202)
    return path


def test_an_account_is_made_when_it_is_first_used(embedded: Embedded) -> None:
    client = embedded.client("test5:tester5", "testing5")
    owner = embedded.client("admin:admin", "admin")
    answer = owner.head()
    assert answer.status == 204
    assert answer.headers["x-account-container-count"] == "0"
    assert re.fullmatch(r"\d{10}\.\d{5}", answer.headers["x-timestamp"])
    client.close()


def test_a_container_is_created_once_and_accepted_again(client: Client) -> None:
    assert client.put("/made_once").status == 201
    assert client.put("/made_once").status == 202
    assert client.head("/made_once").status == 204
    assert "made_once" in client.get().lines


def test_a_container_with_objects_cannot_be_deleted(client: Client, box: str) -> None:
    client.put(f"{box}/o", b"x")
    assert client.delete(box).status == 409
    assert client.delete(f"{box}/o").status == 204
    assert client.delete(box).status == 204
    assert client.head(box).status == 404
    assert client.delete(box).status == 404


@pytest.mark.parametrize("size", [0, 1, 1024, 65_536, 65_537, 3_000_000])
def test_an_object_comes_back_as_it_went(client: Client, box: str, size: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    etag = hashlib.md5(body).hexdigest()
    put = client.put(f"{box}/o", body, Content_Type="image/x-test")
    assert put.status == 201
    assert put.headers["etag"].strip('"') == etag
    got = client.get(f"{box}/o")
    assert got.status == 200
    assert got.body == body
    assert got.headers["etag"].strip('"') == etag
    assert got.headers["content-type"] == "image/x-test"
    assert got.headers["content-length"] == str(size)
    assert got.headers["accept-ranges"] == "bytes"
    head = client.head(f"{box}/o")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(size)
    assert head.headers["last-modified"] == got.headers["last-modified"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_kept(client: Client, box: str, name: str) -> None:
    assert client.put(f"{box}/{name}", name.encode()).status == 201
    assert client.get(f"{box}/{name}").body == name.encode()
    rows = json.loads(client.get(box, "format=json").body)
    assert [row["name"] for row in rows] == [name]
    assert client.delete(f"{box}/{name}").status == 204
    assert client.get(f"{box}/{name}").status == 404


def test_listings_in_three_formats(client: Client, box: str) -> None:
    client.put(f"{box}/b", b"22", Content_Type="text/plain")
    client.put(f"{box}/a", b"1", Content_Type="text/plain")
    text = client.get(box)
    assert text.lines == ["a", "b"]
    assert text.headers["x-container-object-count"] == "2"
    assert text.headers["x-container-bytes-used"] == "3"
    rows = json.loads(client.get(box, "format=json").body)
    assert [(row["name"], row["bytes"], row["content_type"]) for row in rows] == [
        ("a", 1, "text/plain"),
        ("b", 2, "text/plain"),
    ]
    assert rows[0]["hash"] == hashlib.md5(b"1").hexdigest()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", rows[0]["last_modified"])
    xml = client.get(box, "format=xml")
    assert xml.headers["content-type"].startswith("application/xml")
    assert b"<name>a</name>" in xml.body
    by_header = client.get(box, Accept="application/json")
    assert json.loads(by_header.body) == rows


def test_listings_by_page_prefix_and_delimiter(client: Client, box: str) -> None:
    names = ["a", "b/1", "b/2", "c/1/x", "d"]
    for name in names:
        client.put(f"{box}/{name}", b"")
    assert client.get(box).lines == names
    assert client.get(box, "limit=2").lines == names[:2]
    assert client.get(box, "limit=2&marker=b/1").lines == ["b/2", "c/1/x"]
    assert client.get(box, "end_marker=c").lines == ["a", "b/1", "b/2"]
    assert client.get(box, "prefix=b/").lines == ["b/1", "b/2"]
    assert client.get(box, "delimiter=/").lines == ["a", "b/", "c/", "d"]
    assert client.get(box, "delimiter=/&prefix=c/").lines == ["c/1/"]
    assert client.get(box, "reverse=true").lines == names[::-1]
    rows = json.loads(client.get(box, "format=json&delimiter=/").body)
    assert {"subdir": "b/"} in rows
    assert client.get(box, "limit=10001").status == 412


def test_an_empty_listing_is_204_as_text_and_an_empty_list_as_json(
    client: Client, box: str
) -> None:
    assert client.get(box).status == 204
    answer = client.get(box, "format=json")
    assert (answer.status, answer.body) == (200, b"[]")


def test_metadata_is_replaced_by_a_post_of_an_object(client: Client, box: str) -> None:
    client.put(f"{box}/o", b"x", X_Object_Meta_Colour="gr\xc3\xbcn", X_Object_Meta_Shape="round")
    head = client.head(f"{box}/o")
    assert head.headers["x-object-meta-colour"] == "gr\xc3\xbcn"
    assert client.post(f"{box}/o", X_Object_Meta_Size="big").status == 202
    head = client.head(f"{box}/o")
    assert head.headers["x-object-meta-size"] == "big"
    assert "x-object-meta-colour" not in head.headers
    assert client.get(f"{box}/o").body == b"x"


def test_metadata_of_containers_is_merged(client: Client, box: str) -> None:
    assert client.post(box, X_Container_Meta_A="1").status == 204
    assert client.post(box, X_Container_Meta_B="2").status == 204
    head = client.head(box)
    assert (head.headers["x-container-meta-a"], head.headers["x-container-meta-b"]) == ("1", "2")
    client.post(box, X_Remove_Container_Meta_A="x")
    assert "x-container-meta-a" not in client.head(box).headers


def test_metadata_of_the_account(client: Client) -> None:
    assert client.post("", X_Account_Meta_Kind="test").status == 204
    assert client.head().headers["x-account-meta-kind"] == "test"


def test_ranges(client: Client, box: str) -> None:
    body = bytes(range(256)) * 400
    client.put(f"{box}/o", body)
    one = client.get(f"{box}/o", Range="bytes=1000-1999")
    assert (one.status, one.body) == (206, body[1000:2000])
    assert one.headers["content-range"] == f"bytes 1000-1999/{len(body)}"
    assert client.get(f"{box}/o", Range="bytes=-5").body == body[-5:]
    assert client.get(f"{box}/o", Range="bytes=102390-").body == body[102390:]
    beyond = client.get(f"{box}/o", Range=f"bytes={len(body)}-")
    assert beyond.status == 416
    assert beyond.headers["content-range"] == f"bytes */{len(body)}"
    several = client.get(f"{box}/o", Range="bytes=0-9,500-599")
    assert several.status == 206
    document = message_from_bytes(
        b"Content-Type: " + several.headers["content-type"].encode() + b"\r\n\r\n" + several.body
    )
    parts = document.get_payload()
    assert isinstance(parts, list)
    assert [part["Content-Range"] for part in parts] == [  # type: ignore[index]  # Message
        f"bytes 0-9/{len(body)}",
        f"bytes 500-599/{len(body)}",
    ]
    assert body[0:10] in several.body
    assert body[500:600] in several.body


def test_conditions(client: Client, box: str) -> None:
    etag = client.put(f"{box}/o", b"x").headers["etag"].strip('"')
    modified = client.head(f"{box}/o").headers["last-modified"]
    assert client.get(f"{box}/o", If_None_Match=f'"{etag}"').status == 304
    assert client.get(f"{box}/o", If_Match='"other"').status == 412
    assert client.get(f"{box}/o", If_Match=f'"{etag}"').status == 200
    assert client.get(f"{box}/o", If_Modified_Since=modified).status == 304
    before = "Thu, 01 Jan 2015 00:00:00 GMT"
    assert client.get(f"{box}/o", If_Unmodified_Since=before).status == 412
    assert client.put(f"{box}/o", b"y", If_None_Match="*").status == 412
    assert client.put(f"{box}/new", b"y", If_None_Match="*").status == 201
    assert client.put(f"{box}/new", b"y", If_None_Match='"abc"').status == 400


def test_a_wrong_etag_is_refused_and_nothing_appears(client: Client, box: str) -> None:
    assert client.put(f"{box}/o", b"x", ETag="0" * 32).status == 422
    assert client.get(f"{box}/o").status == 404
    assert client.get(box).status == 204


def test_a_body_in_chunks(client: Client, box: str) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(50):
            yield b"%04d" % number * 1000

    assert client.put(f"{box}/o", pieces()).status == 201
    assert client.get(f"{box}/o").body == b"".join(pieces())


def test_expect_100_continue_is_answered_before_the_body(client: Client, box: str) -> None:
    connection = client.open("PUT", f"{box}/o", Content_Length="5", Expect="100-continue")
    assert connection.sock is not None
    file = connection.sock.makefile("rb")
    assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert file.readline() == b"\r\n"
    connection.sock.sendall(b"hello")
    assert b" 201 " in file.readline()
    connection.close()
    assert client.get(f"{box}/o").body == b"hello"


def test_a_put_without_a_length_is_411(client: Client, box: str) -> None:
    connection = client.open("PUT", f"{box}/o")
    assert connection.getresponse().status == 411
    connection.close()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/o" * 600, {}, 400),
        ("/o", {"Content-Length": "5368709123"}, 413),
        ("/o", {"X-Object-Meta-" + "n" * 129: "v"}, 400),
        ("/o", {"X-Object-Meta-N": "v" * 257}, 400),
        ("/o", {"X-Delete-At": "1"}, 400),
        ("/o", {"X-Delete-After": "soon"}, 400),
        ("/nul%00", {}, 412),
        ("/bad%ff", {}, 412),
    ],
)
def test_what_breaks_a_limit_is_refused_with_words(
    client: Client, box: str, path: str, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    connection.putrequest("PUT", client.target(box) + path)
    given = {"Content-Length": "0", **client.with_token(headers)}
    for name, value in given.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    words = answer.read()
    connection.close()
    assert answer.status == status
    assert words


def test_an_object_that_expires(client: Client, box: str) -> None:
    answer = client.put(f"{box}/o", b"x", X_Delete_After="3600")
    assert answer.status == 201
    at = int(client.head(f"{box}/o").headers["x-delete-at"])
    assert client.post(f"{box}/o", X_Delete_At=str(at + 10)).status == 202
    assert client.head(f"{box}/o").headers["x-delete-at"] == str(at + 10)


def test_copies_on_the_server(client: Client, box: str) -> None:
    client.put(f"{box}/ü", b"content", X_Object_Meta_A="1", Content_Type="text/x")
    assert client.put(f"{box}/copy", b"", X_Copy_From=f"{box}/%C3%BC").status == 201
    head = client.head(f"{box}/copy")
    assert (head.headers["x-object-meta-a"], head.headers["content-type"]) == ("1", "text/x")
    moved = client.request("COPY", f"{box}/copy", headers={"Destination": f"{box}/other"})
    assert moved.status == 201
    assert client.get(f"{box}/other").body == b"content"


def test_access_lists(embedded: Embedded, client: Client, box: str) -> None:
    client.put(f"{box}/o", b"x")
    other = embedded.client("test:tester3", "testing3")
    stranger = embedded.client("test2:tester2", "testing2")
    target = client.target(f"{box}/o")
    assert other.get(f"{box}/o").status == 403
    assert other.send("GET", target).status == 401
    client.post(box, X_Container_Read="test:tester3")
    assert other.get(f"{box}/o").status == 200
    assert other.put(f"{box}/o", b"y").status == 403
    client.post(box, X_Container_Write="test:tester3")
    assert other.put(f"{box}/new", b"y").status == 201
    assert stranger.send("GET", target, headers=stranger.with_token()).status == 403
    client.post(box, X_Container_Read=".r:*,.rlistings")
    assert other.send("GET", target).status == 200
    assert other.send("GET", client.target(box)).status == 200
    client.post(box, X_Container_Read=".r:*")
    assert other.send("GET", client.target(box)).status == 401
    assert client.post(box, X_Container_Read=".nonsense:x").status == 400


def test_a_dynamic_large_object(client: Client, box: str) -> None:
    for number in range(3):
        client.put(f"{box}/parts/{number}", b"%d" % number * 1000)
    assert client.put(f"{box}/whole", b"", X_Object_Manifest=f"{box[1:]}/parts/").status == 201
    whole = client.get(f"{box}/whole")
    assert whole.body == b"0" * 1000 + b"1" * 1000 + b"2" * 1000
    assert client.get(f"{box}/whole", Range="bytes=990-1009").body == b"0" * 10 + b"1" * 10
    assert client.head(f"{box}/whole").headers["content-length"] == "3000"


def test_a_static_large_object(client: Client, box: str) -> None:
    segments = []
    for number in range(3):
        etag = client.put(f"{box}/parts/{number}", b"%d" % number * 1000).headers["etag"]
        segments.append(
            {"path": f"{box}/parts/{number}", "etag": etag.strip('"'), "size_bytes": 1000}
        )
    manifest = json.dumps(segments).encode()
    answer = client.request("PUT", f"{box}/whole", manifest, query="multipart-manifest=put")
    assert answer.status == 201, answer
    whole = client.get(f"{box}/whole")
    assert whole.body == b"0" * 1000 + b"1" * 1000 + b"2" * 1000
    assert whole.headers["x-static-large-object"].lower() == "true"
    assert client.get(f"{box}/whole", Range="bytes=1990-2009").body == b"1" * 10 + b"2" * 10
    shown = json.loads(client.get(f"{box}/whole", "multipart-manifest=get").body)
    assert len(shown) == 3
    wrong = json.dumps([{**segments[0], "etag": "0" * 32}]).encode()
    assert client.request("PUT", f"{box}/w", wrong, query="multipart-manifest=put").status == 400
    gone = client.request("DELETE", f"{box}/whole", query="multipart-manifest=delete")
    assert gone.status == 200
    assert client.get(box).status == 204


def test_info_names_what_is_here(client: Client) -> None:
    answer = client.send("GET", "/info")
    assert answer.status == 200
    info = json.loads(answer.body)
    assert info["swift"]["max_file_size"] == 5_368_709_122
    assert info["swift"]["policies"][0]["name"] == "gold"
    for name in ("tempauth", "slo"):
        assert name in info, info.keys()


def test_every_answer_has_a_transaction_id(client: Client) -> None:
    answer = client.head()
    assert re.fullmatch(r"tx[0-9a-f]{21}-[0-9a-f]{10}.*", answer.headers["x-trans-id"])
    assert answer.headers["x-openstack-request-id"] == answer.headers["x-trans-id"]


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/AUTH_test", 401),
        ("GET", "/v1/AUTH_test/c/o", 401),
        ("GET", "/v9/AUTH_test", (400, 401, 404, 412)),
        ("GET", "/nothing", (400, 401, 404, 412)),
        ("BREW", "/v1/AUTH_test", (401, 405)),
        ("GET", "/auth/v1.0", 401),
    ],
)
def test_strangers_are_refused(
    client: Client, method: str, target: str, status: int | tuple[int, ...]
) -> None:
    expected = status if isinstance(status, tuple) else (status,)
    assert client.send(method, target).status in expected


def test_what_only_the_cluster_may_say_is_taken_off(client: Client, box: str) -> None:
    client.put(
        f"{box}/o",
        b"x",
        X_Object_Sysmeta_Secret="1",
        X_Backend_Storage_Policy_Index="7",
        X_Container_Host="192.0.2.1:80",
    )
    head = client.head(f"{box}/o")
    assert head.status == 200
    assert not [name for name in head.headers if "sysmeta" in name or "backend" in name]
