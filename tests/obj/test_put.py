"""PUT of the object server."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from swiftlite.config.units import Reserve
from swiftlite.host.bundle import Host
from swiftlite.vocab.errors import ClientGone, ClientTooSlow
from tests.obj.servers import NOW, PATH, Server, after
from tests.web.environs import Answer

MIB = 1 << 20


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, MIB, MIB + 1, 2 * MIB, 3 * MIB + 5])
def test_sizes(server: Server, size: int) -> None:
    body = os.urandom(size)
    answer = server.put(body)
    assert answer.status == 201
    assert answer.headers["etag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert answer.headers["content-length"] == "0"
    assert server.ask("GET").body == body


@pytest.mark.parametrize("size", [0, 1, 65_536, MIB, 2 * MIB + 1])
def test_a_body_in_chunks(server: Server, size: int) -> None:
    body = os.urandom(size)
    answer = chunked(server, body)
    assert answer.status == 201
    assert server.ask("GET").body == body


def chunked(server: Server, body: bytes, **headers: str) -> Answer:
    environ = {
        "REQUEST_METHOD": "PUT", "PATH_INFO": PATH, "QUERY_STRING": "",
        "HTTP_X_TIMESTAMP": NOW.internal, "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": "text/plain", "wsgi.input": io.BytesIO(body), **headers,
    }  # fmt: skip
    return Answer(server.app, environ)


def test_what_is_stored(server: Server) -> None:
    server.put(
        b"x", X_Object_Meta_A="1", X_Object_Sysmeta_B="2", X_Object_Transient_Sysmeta_C="3",
        Content_Encoding="gzip", X_Other="4", X_Object_Manifest="c/p", Authorization="secret",
    )  # fmt: skip
    assert server.metadata() == {
        "name": "/a/c/o",
        "X-Timestamp": NOW.internal,
        "Content-Type": "text/plain",
        "Content-Length": "1",
        "ETag": "9dd4e461268c8034f5c8564e155c67a6",
        "X-Object-Meta-A": "1",
        "X-Object-Sysmeta-B": "2",
        "X-Object-Transient-Sysmeta-C": "3",
        "Content-Encoding": "gzip",
        "X-Object-Manifest": "c/p",
    }


def test_headers_named_by_a_replicating_peer_are_kept(server: Server) -> None:
    server.put(b"x", X_Other="4", X_Backend_Replication_Headers="x-other x-absent")
    assert server.metadata()["X-Other"] == "4"


@pytest.mark.parametrize("etag", ["{}", '"{}"'])
def test_an_etag_that_fits(server: Server, etag: str) -> None:
    md5 = hashlib.md5(b"hello").hexdigest()
    assert server.put(b"hello", ETag=etag.format(md5)).status == 201
    assert server.put(b"hello", after(1), ETag=etag.format(md5.upper())).status == 201


@pytest.mark.parametrize("size", [5, 2 * MIB])
def test_an_etag_that_does_not_leaves_nothing(server: Server, size: int) -> None:
    assert server.put(b"x" * size, ETag="0" * 32).status == 422
    assert server.files() == []
    assert server.ask("GET").status == 404


@pytest.mark.parametrize("older_by", [0, 1])
def test_what_is_not_newer_is_a_conflict(server: Server, older_by: int) -> None:
    server.put(b"first", after(1))
    answer = server.put(b"second", after(1).plus(-older_by))
    assert answer.status == 409
    assert answer.headers["x-backend-timestamp"] == after(1).internal
    assert server.ask("GET").body == b"first"


def test_a_newer_tombstone_is_a_conflict(server: Server) -> None:
    server.ask("DELETE", at=after(1))
    answer = server.put(b"x")
    assert (answer.status, answer.headers["x-backend-timestamp"]) == (409, after(1).internal)
    assert server.put(b"x", after(2)).status == 201


def test_a_post_in_between_does_not_count(server: Server) -> None:
    server.put(b"first")
    server.ask("POST", at=after(5))
    assert server.put(b"second", after(3)).status == 201
    assert server.ask("GET").body == b"second"


def test_if_none_match(server: Server) -> None:
    assert server.put(b"x", If_None_Match="*").status == 201
    assert server.put(b"y", after(1), If_None_Match="*").status == 412
    etag = hashlib.md5(b"x").hexdigest()
    assert server.put(b"y", after(1), If_None_Match=etag).status == 412
    assert server.put(b"y", after(1), If_None_Match="0" * 32).status == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"CONTENT_LENGTH": "x"}, 400),
        ({"CONTENT_LENGTH": "-1"}, 400),
        ({"CONTENT_LENGTH": "99999999999"}, 413),
        ({"CONTENT_LENGTH": ""}, 411),
        ({"HTTP_X_DELETE_AT": "soon"}, 400),
        ({"HTTP_X_DELETE_AT": "1"}, 400),
        ({"HTTP_X_OBJECT_META_": "x"}, 400),
        ({"HTTP_X_OBJECT_META_A": "x" * 257}, 400),
        ({"HTTP_X_OBJECT_META_" + "A" * 129: "x"}, 400),
        ({"CONTENT_TYPE": None}, 400),
        ({"CONTENT_TYPE": "\xff"}, 400),
        ({"HTTP_X_BACKEND_OBJ_METADATA_FOOTER": "yes"}, 400),
    ],
)
def test_what_is_refused(server: Server, headers: dict[str, str | None], status: int) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "PUT", "PATH_INFO": PATH, "QUERY_STRING": "", "CONTENT_LENGTH": "1",
        "HTTP_X_TIMESTAMP": NOW.internal, "CONTENT_TYPE": "a/b", "wsgi.input": io.BytesIO(b"x"),
        **headers,
    }  # fmt: skip
    environ = {key: value for key, value in environ.items() if value is not None}
    answer = Answer(server.app, environ)
    assert answer.status == status
    assert answer.body
    assert server.files() == []


class Broken(io.BytesIO):
    """A client that fails when its bytes are used up."""

    def __init__(self, body: bytes, fault: Exception) -> None:
        super().__init__(body)
        self.fault = fault

    def readinto(self, view: Any) -> int:  # noqa: ANN401  # a buffer
        return super().readinto(view) or self._fail()

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size) or bytes(self._fail())

    def _fail(self) -> int:
        raise self.fault


@pytest.mark.parametrize("size", [10, 3 * MIB])
@pytest.mark.parametrize(
    ("fault", "status"), [(ClientGone(), 499), (ClientTooSlow(), 408)], ids=["gone", "slow"]
)
def test_a_client_that_fails_leaves_nothing(
    server: Server, size: int, fault: Exception, status: int
) -> None:
    environ = {
        "REQUEST_METHOD": "PUT", "PATH_INFO": PATH, "QUERY_STRING": "",
        "CONTENT_LENGTH": str(size), "HTTP_X_TIMESTAMP": NOW.internal, "CONTENT_TYPE": "a/b",
        "wsgi.input": Broken(b"x" * (size // 2), fault),
    }  # fmt: skip
    before = len(os.listdir("/proc/self/fd"))
    assert Answer(server.app, environ).status == status
    assert len(os.listdir("/proc/self/fd")) == before
    assert server.files() == []
    assert not list(server.root.glob("sda1/tmp/*"))


def test_fewer_bytes_than_announced(server: Server) -> None:
    answer = server.ask("PUT", body=b"abc", Content_Type="a/b", Content_Length="5")
    assert answer.status == 499
    assert server.files() == []


def test_a_full_device_is_507(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, fallocate_reserve=Reserve(percent=100))
    assert server.put(b"x").status == 507
    assert server.put(b"x" * MIB).status == 507
    assert server.ask("DELETE").status == 404  # the tombstone is written all the same
    assert server.files() == [f"{NOW.internal}.ts"]


def test_an_unmounted_device_is_507(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, mount_check=True)
    for verb in ("GET", "HEAD", "POST", "DELETE"):
        assert server.ask(verb).status == 507
    assert server.put().status == 507
    assert server.ask("REPLICATE", "/sda1/7").status == 507


def test_an_upload_may_take_too_long(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, max_upload_time=0)
    assert server.put(b"x" * (2 * MIB)).status == 408


def test_metadata_that_does_not_fit_is_507_and_says_why(server: Server) -> None:
    headers = {f"X_Object_Sysmeta_{n}": "x" * 1000 for n in range(80)}
    answer = server.put(b"x", **headers)
    if answer.status == 201:
        pytest.skip("this file system has room for any attributes")
    assert answer.status == 507
    assert any("do not fit" in line for line in server.sink.lines)


# Footers


BOUNDARY = "0f" * 32


def document(body: bytes, footers: bytes, md5: str | None = None) -> bytes:
    """As Swift's proxy writes it."""
    md5 = md5 or hashlib.md5(footers).hexdigest()
    return (
        f"--{BOUNDARY}\r\nX-Document: object body\r\n\r\n".encode()
        + body
        + f"\r\n--{BOUNDARY}\r\nX-Document: object metadata\r\nContent-MD5: {md5}\r\n\r\n".encode()
        + footers
        + f"\r\n--{BOUNDARY}--".encode()
    )


def put_mime(server: Server, content: bytes, **more: Any) -> Answer:  # noqa: ANN401  # environ values
    return chunked(
        server, content, HTTP_X_BACKEND_OBJ_METADATA_FOOTER="yes",
        HTTP_X_BACKEND_OBJ_MULTIPART_MIME_BOUNDARY=BOUNDARY, **more,
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 70_000, 2 * MIB + 3])
def test_footers(server: Server, size: int) -> None:
    body = os.urandom(size)
    footers = json.dumps(
        {
            "Etag": hashlib.md5(body).hexdigest(),
            "X-Object-Sysmeta-Crypto": "ü",
            "X-Object-Meta-Late": "yes",
            "X-Unknown": "no",
        }
    )
    sent: list[list[tuple[str, str]]] = []
    answer = put_mime(
        server, document(body, footers.encode()),
        **{"swiftlite.continue": sent.append, "HTTP_EXPECT": "100-continue"},
    )  # fmt: skip
    assert answer.status == 201, answer.body
    assert sent == [[("X-Obj-Metadata-Footer", "yes")]]
    found = server.ask("GET")
    assert found.body == body
    assert found.headers["x-object-sysmeta-crypto"] == "\xc3\xbc"
    assert found.headers["x-object-meta-late"] == "yes"
    assert "x-unknown" not in found.headers


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (document(b"x", b"{}", "0" * 32), 422),
        (document(b"x", b'{"Etag": "00000000000000000000000000000000"}'), 422),
        (document(b"x", b"no json"), 400),
        (document(b"x", b"[]"), 400),
        (document(b"x", b'{"a": 1}'), 400),
        (document(b"x", b"[" * 100_000), 400),
        (document(b"x", b"{}")[:-80], 400),
        (b"", 400),
        (b"no document", 400),
        (f"--{BOUNDARY}\r\n\r\nx\r\n--{BOUNDARY}--".encode(), 400),
        (f"--{BOUNDARY}junk".encode(), 400),
        (f"--{BOUNDARY}\r\nno colon\r\n\r\nx".encode(), 400),
    ],
)
def test_bad_footers_leave_nothing(server: Server, content: bytes, status: int) -> None:
    assert put_mime(server, content).status == status
    assert server.files() == []
