"""Signed forms, over a proxy in memory."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.infocache.info import AccountInfo, ContainerInfo
from swiftlite.middleware.formpost import FormPost
from swiftlite.middleware.formpost.filter import FormPostOptions
from swiftlite.middleware.formpost.multipart import (
    FormCutOff,
    FormMalformed,
    MultipartReader,
    boundary_of,
)
from tests.middleware.fake_swift import FakeSwift
from tests.middleware.parts import Canned, ListLog, SetClock
from tests.middleware.test_bulk_tar import trickle
from tests.web.environs import Answer, make_environ

NOW = 1_700_000_000
EDGE = "----Form7"
PATH = "/v1/a/c/up/"


def part(head: str, body: bytes) -> bytes:
    return f"--{EDGE}\r\n{head}\r\n\r\n".encode() + body + b"\r\n"


def value(name: str, text: str) -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"', text.encode())


def file(name: str, body: bytes, more: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="f"; filename="{name}"{more}'
    return part(head, body)


class World:
    def __init__(self) -> None:
        self.swift = FakeSwift()
        self.swift.containers["/a/c"] = {}
        self.app = FormPost(
            self.swift,
            FormPostOptions(),
            clock=SetClock(NOW),
            log=ListLog(),  # type: ignore[arg-type]
        )

    def __call__(
        self,
        *parts: bytes,
        path: str = PATH,
        end: bytes = f"--{EDGE}--\r\n".encode(),
        raw: bytes | None = None,
    ) -> Answer:
        body = b"".join(parts) + end if raw is None else raw
        environ = make_environ(
            "POST",
            path.encode().decode("latin-1"),
            body=body,
            Content_Type=f"multipart/form-data; boundary={EDGE}",
        )
        environ["swift.infocache"] = {
            "account/a": AccountInfo(204, meta={"temp-url-key": "akey"}),
            "container/a/c": ContainerInfo(204, meta={"temp-url-key-2": "ckey"}),
        }
        return Answer(self.app, environ)


def signed(
    *,
    path: str = PATH,
    redirect: str = "",
    size: str = "100",
    count: str = "2",
    expires: str = str(NOW + 10),
    key: str = "akey",
    digest: str = "sha256",
) -> list[bytes]:
    text = f"{path}\n{redirect}\n{size}\n{count}\n{expires}".encode()
    return [
        value("redirect", redirect),
        value("max_file_size", size),
        value("max_file_count", count),
        value("expires", expires),
        value("signature", hmac.new(key.encode(), text, digest).hexdigest()),
    ]


@pytest.fixture
def world() -> World:
    return World()


def test_every_file_of_a_signed_form_becomes_an_object(world: World) -> None:
    answer = world(
        *signed(),
        file("a.txt", b"one", "\r\nContent-Type: text/x\r\nContent-Encoding: gzip"),
        file("ö b", b"two\r\nlines\r\n"),
    )
    assert (answer.status, answer.body) == (201, b"201 Created")
    first = world.swift.objects["/a/c/up/a.txt"]
    assert first.body == b"one"
    assert first.headers == {"Content-Type": "text/x", "Content-Encoding": "gzip"}
    assert world.swift.body("/a/c/up/ö b") == b"two\r\nlines\r\n"
    put = world.swift.environs[-1]
    assert put["swift.source"] == "FP"
    assert put["HTTP_TRANSFER_ENCODING"] == "chunked"
    assert "CONTENT_LENGTH" not in put


@pytest.mark.parametrize(
    ("path", "stored"),
    [("/v1/a/c", "/a/c/f"), ("/v1/a/c/", "/a/c/f"), ("/v1/a/c/pre", "/a/c/pref")],
)
def test_where_files_go(world: World, path: str, stored: str) -> None:
    assert world(*signed(path=path), file("f", b"x"), path=path).status == 201
    assert stored in world.swift.objects


@pytest.mark.parametrize("key", ["akey", "ckey"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_every_key_and_digest(world: World, key: str, digest: str) -> None:
    assert world(*signed(key=key, digest=digest), file("f", b"x")).status == 201


@pytest.mark.parametrize(
    ("parts", "status", "message"),
    [
        (signed(key="other"), 401, "invalid signature"),
        (signed(path="/v1/a/c/other"), 401, "invalid signature"),
        (signed(digest="md5"), 401, "invalid signature"),
        ([*signed(), value("redirect", "http://evil")], 401, "invalid signature"),
        ([*signed(), value("max_file_size", "999")], 401, "invalid signature"),
        ([*signed(), value("max_file_count", "999")], 401, "invalid signature"),
        ([*signed(), value("expires", "9999999999")], 401, "invalid signature"),
        ([*signed(), value("signature", "")], 401, "invalid signature"),
        (signed()[:-1], 401, "invalid signature"),
        (signed(expires=str(NOW - 1)), 401, "form expired"),
        (signed(expires="x"), 400, "expires not an integer"),
        (signed(expires="9" * 500), 400, "expires not an integer"),
        (signed(size="x"), 400, "max_file_size not an integer"),
        (signed(size="-1"), 400, "max_file_size not an integer"),
        (signed(count="²"), 400, "max_file_count not an integer"),
        (signed(count="0"), 400, "max file count exceeded"),
        ([], 400, "max file count exceeded"),
        ([*signed(), value("x_delete_at", "soon")], 400, "x_delete_at not an integer"),
        ([*signed(), value("x_delete_after", "1.5")], 400, "x_delete_after not an integer"),
    ],
)
def test_forms_that_are_refused(
    world: World, parts: list[bytes], status: int, message: str
) -> None:
    answer = world(*parts, file("f", b"x"))
    assert answer.status == status
    assert message.encode() in answer.body
    assert world.swift.objects == {}
    assert "location" not in answer.headers


def test_fields_come_before_files(world: World) -> None:
    assert world(file("f", b"x"), *signed()).status in (400, 401)
    assert world.swift.objects == {}


def test_no_more_files_than_allowed(world: World) -> None:
    answer = world(*signed(count="1"), file("f", b"x"), file("g", b"y"))
    assert (answer.status, "max file count" in answer.body.decode()) == (400, True)
    assert list(world.swift.objects) == ["/a/c/up/f"]


def test_a_file_over_the_limit_is_not_stored(world: World) -> None:
    answer = world(*signed(size="10"), file("f", b"x" * 10), file("g", b"y" * 11))
    assert (answer.status, b"max_file_size exceeded" in answer.body) == (400, True)
    assert list(world.swift.objects) == ["/a/c/up/f"]


@pytest.mark.parametrize("kept", range(1, 60, 3))
def test_a_form_cut_off_in_a_file_stores_nothing_of_it(world: World, kept: int) -> None:
    whole = b"".join(signed()) + file("f", b"x" * 50)
    start = whole.index(b"x" * 50)
    answer = world(raw=whole[: start + kept])
    assert answer.status == 400
    assert world.swift.objects == {}


def test_a_form_with_a_fault_below_tells_it(world: World) -> None:
    world.swift.answers["PUT", "/v1/a/c/up/f"] = 507
    answer = world(*signed(), file("f", b"x"), file("g", b"y"))
    assert answer.status == 507
    assert world.swift.objects == {}


def test_a_redirect_tells_the_outcome(world: World) -> None:
    for redirect, mark in (("http://site/x", "?"), ("http://site/x?y=<z>", "&")):
        answer = world(*signed(redirect=redirect), file("f", b"x"))
        assert answer.status == 303
        assert answer.headers["location"] == f"{redirect}{mark}status=201&message="
        assert b"<z>" not in answer.body
    many = [file(name, b"x") for name in ("f", "g", "h")]
    answer = world(*signed(redirect="http://site/"), *many)
    assert answer.headers["location"].endswith("?status=400&message=max%20file%20count%20exceeded")
    refused = world(*signed(redirect="http://site/", size="0"), file("f", b"x"))
    assert refused.status == 400


def test_no_files_are_an_error(world: World) -> None:
    assert b"no files to process" in world(*signed()).body
    assert world(*signed(), file("", b"")).status == 400


def test_expiry_of_the_objects(world: World) -> None:
    world(*signed(), value("X_Delete_At", "1800000000"), file("f", b"x"))
    assert world.swift.objects["/a/c/up/f"].headers["X-Delete-At"] == "1800000000"
    world(*signed(), value("x_delete_after", "60"), file("f", b"x"))
    assert world.swift.environs[-1]["HTTP_X_DELETE_AFTER"] == "60"


def test_values_and_fields_are_bounded(world: World) -> None:
    assert world(value("x", "y" * 4097), *signed(), file("f", b"x")).status == 400
    assert world(value("x", "y" * 4096), *signed(), file("f", b"x")).status == 201
    assert world(*[value("x", "y")] * 101, *signed(), file("f", b"x")).status == 400


def test_names_that_are_not_utf8_are_refused(world: World) -> None:
    bad = file("f", b"x").replace(b'"f"', b'"\xff"').replace(b'name="\xff"; ', b'name="f"; ')
    assert world(*signed(), bad).status == 412
    assert world.swift.objects == {}


def test_headers_of_a_part_cannot_break_lines(world: World) -> None:
    world(*signed(), file("f", b"x", "\r\nContent-Type: a/b\x00\x1b\r\nX-Object-Manifest: c/p"))
    stored = world.swift.objects["/a/c/up/f"].headers
    assert stored == {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize(
    ("method", "path", "content_type"),
    [
        ("POST", "/v1/a/c", "text/plain"),
        ("POST", "/v1/a/c", "multipart/form-data"),
        ("POST", "/v1/a/c", "multipart/form-data; boundary="),
        ("POST", "/v1/a/c", "multipart/form-data; boundary=" + "x" * 300),
        ("POST", "/v1/a", f"multipart/form-data; boundary={EDGE}"),
        ("PUT", "/v1/a/c", f"multipart/form-data; boundary={EDGE}"),
        ("POST", "/v1/a/c", ""),
    ],
)
def test_other_requests_pass(method: str, path: str, content_type: str) -> None:
    app = FormPost(
        Canned(418),
        FormPostOptions(),
        clock=SetClock(),
        log=ListLog(),  # type: ignore[arg-type]
    )
    assert Answer(app, make_environ(method, path, Content_Type=content_type)).status == 418


# The reader


def read_all(
    data: bytes, boundary: bytes = EDGE.encode(), step: int = 7
) -> list[tuple[Any, bytes]]:
    reader = MultipartReader(trickle(data, step), boundary)
    found = []
    while (head := reader.next()) is not None:
        body = b""
        while block := reader.read(5):
            body += block
        found.append((head, body))
    return found


@given(st.lists(st.binary(max_size=60), max_size=4), st.integers(1, 50), st.binary(max_size=10))
def test_any_bytes_come_back(bodies: list[bytes], step: int, preamble: bytes) -> None:
    if any(EDGE.encode() in body for body in bodies):
        return
    data = b"".join(file("f", body) for body in bodies) + f"--{EDGE}--".encode()
    if preamble and EDGE.encode() not in preamble:
        data = preamble + b"\r\n" + data
    assert [body for _, body in read_all(data, step=step)] == bodies


@pytest.mark.parametrize(
    ("head", "name", "filename"),
    [
        ('form-data; name="a"; filename="b c"', "a", "b c"),
        ("form-data; name=a; filename=b", "a", "b"),
        (r'form-data; name="a"; filename="b\"c\\d"', "a", 'b"c\\d'),
        ('form-data; name="a;filename=x"', "a;filename=x", None),
        ('FORM-DATA; NAME="a"', "a", None),
        ('attachment; name="a"; filename="b"', None, None),
        ("", None, None),
        ('form-data; name="a', '"a', None),
    ],
)
def test_dispositions(head: str, name: str | None, filename: str | None) -> None:
    data = part(f"Content-Disposition: {head}", b"") + f"--{EDGE}--".encode()
    ((found, _),) = read_all(data)
    assert (found.name, found.filename) == (name, filename)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 1000,
        f"--{EDGE}".encode(),
        f"--{EDGE}x".encode(),
        f"--{EDGE}\r\n".encode(),
        f"--{EDGE}\r\nno header\r\n\r\n\r\n--{EDGE}--".encode(),
        f"--{EDGE}\r\n".encode() + b"x" * 9000,
        f"--{EDGE}\r\nA: ".encode() + b"x" * 9000 + b"\r\n\r\n",
        file("f", b"x"),
        file("f", b"x") + f"--{EDGE}-".encode(),
    ],
)
def test_what_is_no_form(data: bytes) -> None:
    with pytest.raises((FormMalformed, FormCutOff)):
        read_all(data, step=1000)


@given(st.binary(max_size=400))
def test_no_bytes_do_worse(data: bytes) -> None:
    try:
        read_all(f"--{EDGE}\r\n".encode() + data)
    except (FormMalformed, FormCutOff):
        return


def test_boundaries() -> None:
    assert boundary_of('Multipart/Form-Data; charset=x; Boundary="a b"') == b"a b"
    assert boundary_of("multipart/mixed; boundary=a") is None
