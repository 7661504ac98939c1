"""What middleware_versus.py asks of both sides: chains of filters and requests for each."""

from __future__ import annotations

import base64
import hmac
import io
import json
import tarfile
import time
from collections.abc import Iterator
from hashlib import md5
from typing import Any
from urllib.parse import quote

LATER = int(time.time()) + 10_000
A, B, C = b"a" * 10, b"b" * 5, b"c" * 20
Step = dict[str, Any]


def step(method: str, path: str, query: str = "", body: object = b"", **headers: str) -> Step:
    """path below the API's version unless it begins with a slash; headers with underscores."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    full = path if path.startswith("/") else "/v1/AUTH_a" + ("/" + path if path else "")
    return {
        "method": method,
        "path": full,
        "query": query,
        "body": base64.b64encode(data).decode(),
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
    }


def reads(path: str, query: str = "", etag: str = "x") -> list[Step]:
    """A read in many ways."""
    found = [step(verb, path, query) for verb in ("GET", "HEAD")]
    spans = ("0-0", "3-12", "-4", "12-", "0-1,20-21", "99-", "5-1", "x")
    found += [step("GET", path, query, Range=f"bytes={header}") for header in spans]
    for name in ("If_Match", "If_None_Match"):
        for tag in (etag, "other", "*", f'"{etag}"', f"other, {etag}"):
            found.append(step("GET", path, query, **{name: tag}))
            found.append(step("HEAD", path, query, **{name: tag}))
    return found


BASE = [
    step("PUT", "c"),
    step("PUT", "segs"),
    step("PUT", "segs/ä 1", body=A, Content_Type="text/a;charset=x"),
    step("PUT", "segs/b", body=B, X_Object_Meta_Color="red"),
    step("PUT", "segs/c", body=C),
    step("PUT", "c/plain", body=b"plain"),
]


def slo_scenario() -> Iterator[Step]:
    yield from BASE
    put = "multipart-manifest=put"
    plain_one = [{"path": "/segs/ä 1"}, {"path": "segs/b"}, {"path": "/segs/c"}]
    yield step("PUT", "c/slo", put, plain_one, Content_Type="video/mp4", X_Object_Meta_X="y")
    etag = md5("".join(md5(x).hexdigest() for x in (A, B, C)).encode()).hexdigest()
    yield from reads("c/slo", etag=etag)
    yield step("GET", "c", "format=json")
    for query in ("multipart-manifest=get", "multipart-manifest=get&format=raw"):
        yield step("GET", "c/slo", query)
        yield step("HEAD", "c/slo", query)
    ranged = [
        {"path": "/segs/ä 1", "range": "2-4"},
        {"data": base64.b64encode(b"inline").decode()},
        {"path": "/segs/c", "range": "-3"},
        {"path": "/c/slo", "range": "8-16"},
        {"path": "/c/slo"},
        {"path": "/segs/b", "range": "0-4"},
    ]
    yield step("PUT", "c/ranged", put, ranged)
    yield from reads("c/ranged")
    yield step("GET", "c/ranged", "multipart-manifest=get")
    for number in ("1", "2", "3", "4", "0", "x", ""):
        yield step("GET", "c/slo", f"part-number={number}")
        yield step("HEAD", "c/slo", f"part-number={number}")
    bad: tuple[object, ...] = (
        [],
        {},
        7,
        "x",
        [7],
        [{}],
        [{"path": "/segs"}],
        [{"path": 7}],
        [{"path": None}],
        [{"path": "/segs/none"}],
        [{"path": "/segs/b", "etag": "x"}],
        [{"path": "/segs/b", "size_bytes": 4}],
        [{"path": "/segs/b", "size_bytes": "x"}],
        [{"path": "/segs/b", "size_bytes": 0}],
        [{"path": "/segs/b", "range": "9-"}],
        [{"path": "/segs/b", "range": "1-2,3-4"}],
        [{"path": "/segs/b", "range": "x"}],
        [{"path": "/segs/b", "colour": "red"}],
        [{"data": "?"}],
        [{"data": "aGk="}],
        [{"path": "/segs/b"}, {"data": ""}],
        [{"path": "/c/bad"}],
        [{"path": "/segs/b", "etag": None, "size_bytes": None}],
        [{"path": "/segs/b", "size_bytes": "5"}],
        [{"path": "//segs/b"}],
        [{"path": "/segs/b", "data": "aGk="}],
    )
    for entries in bad:
        yield step("PUT", "c/bad", put, entries)
    yield step("PUT", "c/bad", put, b"{")
    yield step("PUT", "c/etag", put, plain_one, ETag=etag)
    yield step("PUT", "c/etag", put, plain_one, ETag="wrong")
    yield step("PUT", "c/x.mp4", put, plain_one)
    yield step("PUT", "c/plain2", body=b"x", X_Static_Large_Object="true")
    yield step("PUT", "c/beat", put + "&heartbeat=on", plain_one, Accept="application/json")
    yield step("PUT", "segs/b", body=b"other")
    yield step("GET", "c/slo", Range="bytes=10-12")
    yield step("DELETE", "c/plain", "multipart-manifest=delete")
    yield step("DELETE", "c/none", "multipart-manifest=delete", Accept="application/json")
    yield step("DELETE", "c/ranged", "multipart-manifest=delete", Accept="application/json")


def dlo_scenario() -> Iterator[Step]:
    yield from BASE
    yield step("PUT", "c/dlo", X_Object_Manifest="segs/", Content_Type="video/mp4")
    yield from reads("c/dlo")
    yield step("GET", "c/dlo", "multipart-manifest=get")
    for value in (
        "segs/b",
        "segs",
        "segs/",
        "/segs/b",
        "segs//b",
        "segs/%C3%A4",
        "segs/b?x",
        "&/x",
    ):
        yield step("PUT", "c/other", X_Object_Manifest=value)
        yield step("GET", "c/other")
    yield step("PUT", "c/gone", X_Object_Manifest="none/x")
    yield step("GET", "c/gone")
    yield step("PUT", "c/empty", X_Object_Manifest="segs/zzz")
    yield step("GET", "c/empty")


def copy_scenario() -> Iterator[Step]:
    yield from BASE
    yield step("PUT", "/v1/AUTH_b/d")
    yield step(
        "PUT",
        "c/src",
        body=C,
        Content_Type="x/y",
        X_Object_Meta_A="1",
        X_Delete_At="9999999999",
        Content_Disposition="inline",
    )
    for headers in (
        {"Destination": "c/new"},
        {"Destination": "/c/new2"},
        {"Destination": "c/%C3%A4"},
        {"Destination": "d/new", "Destination_Account": "AUTH_b"},
        {},
        {"Destination": "c"},
        {"Destination": "c/"},
        {"Destination": "/"},
        {"Destination": "none/x"},
        {"Destination": "c/x", "Destination_Account": "a/b"},
        {"Destination": "c/fresh", "X_Fresh_Metadata": "true", "X_Object_Meta_B": "2"},
        {"Destination": "c/over", "X_Object_Meta_A": "3", "Content_Type": "z/z"},
        {"Destination": "c/part", "Range": "bytes=2-5"},
        {"Destination": "c/if", "If_Match": "other"},
        {"Destination": "c/if2", "If_None_Match": "x"},
    ):
        yield step("COPY", "c/src", **headers)
    for headers in (
        {"X_Copy_From": "c/src"},
        {"X_Copy_From": "/c/src"},
        {"X_Copy_From": "c"},
        {"X_Copy_From": "c/none"},
        {"X_Copy_From": "d/new", "X_Copy_From_Account": "AUTH_b"},
        {"X_Copy_From": "c/src", "X_Copy_From_Account": "a/b"},
    ):
        yield step("PUT", "c/put", **headers)
    yield step("PUT", "c/body", body=b"x", X_Copy_From="c/src")
    yield step(
        "PUT",
        "c/slo",
        "multipart-manifest=put",
        [{"path": "/segs/b"}, {"path": "/segs/c"}],
        Content_Type="video/mp4",
    )
    yield step("PUT", "c/dlo", X_Object_Manifest="segs/", Content_Type="video/mp4")
    for name in ("slo", "dlo"):
        yield step("COPY", f"c/{name}", Destination=f"c/flat-{name}")
        yield step("COPY", f"c/{name}", "multipart-manifest=get", Destination=f"c/kept-{name}")
        yield step("GET", f"c/kept-{name}")


def listing_scenario() -> Iterator[Step]:
    yield from BASE
    yield step("PUT", "c/a&b<c>'\"", body=b"x")
    for path in ("", "c", "c/", "none"):
        for query in (
            "",
            "format=json",
            "format=xml",
            "format=plain",
            "format=x",
            "prefix=a",
            "delimiter=/&format=xml",
            "limit=1",
            "prefix=zzz",
            "prefix=zzz&format=xml",
        ):
            yield step("GET", path, query)
            yield step("HEAD", path, query)
        for accept in (
            "text/plain",
            "application/json",
            "text/xml",
            "application/xml",
            "*/*",
            "application/*",
            "text/*;q=0.5, text/xml",
            "image/png",
            "text/plain;q=0",
            "application/json;q=0.2,text/plain;q=0.3",
            "junk",
        ):
            yield step("GET", path, Accept=accept)


def tempurl_scenario() -> Iterator[Step]:
    yield step("POST", "", X_Account_Meta_Temp_Url_Key="akey")
    yield step("PUT", "c", X_Container_Meta_Temp_Url_Key_2="ckey")
    yield step("PUT", "c/o", body=C, X_Object_Meta_Secret="s", X_Object_Meta_Public_X="p")
    yield step("PUT", "c/named", body=C, Content_Disposition="inline")

    def grant(
        verb: str, path: str, key: str = "akey", digest: str = "sha256", form: str = "hex"
    ) -> str:
        raw = hmac.digest(key.encode(), f"{verb}\n{LATER}\n{path}".encode(), digest)
        text = raw.hex() if form == "hex" else f"{digest}:{base64.b64encode(raw).decode()}"
        return f"temp_url_sig={quote(text)}&temp_url_expires={LATER}"

    full = "/v1/AUTH_a/c/o"
    for key in ("akey", "ckey", "none"):
        for digest in ("sha1", "sha256", "sha512", "md5"):
            yield step("GET", "c/o", grant("GET", full, key, digest))
    yield step("GET", "c/o", grant("GET", full, form="base64"))
    for more in ("&filename=x%20y", "&inline", "&inline&filename=%C3%A4", "&filename=a%22b"):
        yield step("GET", "c/o", grant("GET", full) + more)
        yield step("GET", "c/named", grant("GET", full[:-1] + "named") + more)
    for signed in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        for verb in ("GET", "HEAD", "POST", "PUT"):
            yield step(verb, "c/o", grant(signed, full), C if verb == "PUT" else b"")
    yield step("GET", "c/o", grant("GET", "prefix:/v1/AUTH_a/c/o") + "&temp_url_prefix=o")
    yield step("GET", "c/o", grant("GET", "prefix:/v1/AUTH_a/c/") + "&temp_url_prefix=")
    yield step("GET", "c/o", grant("GET", "prefix:/v1/AUTH_a/c/p") + "&temp_url_prefix=p")
    yield step("GET", "c/o", "temp_url_sig=x")
    yield step("GET", "c/o", f"temp_url_expires={LATER}")
    for expires in ("1", "x", "2031-01-01T00:00:00Z", "2031-01-01", "junk"):
        yield step("GET", "c/o", f"temp_url_sig={'0' * 64}&temp_url_expires={expires}")
    for header in ("X_Object_Manifest", "X_Symlink_Target", "X_Timestamp"):
        yield step("PUT", "c/o", grant("PUT", full), C, **{header: "c/x"})


def form_scenario() -> Iterator[Step]:
    yield step("POST", "", X_Account_Meta_Temp_Url_Key="akey")
    yield step("PUT", "c")

    def form(
        path: str = "/v1/AUTH_a/c/up/",
        key: str = "akey",
        redirect: str = "",
        size: str = "100",
        count: str = "2",
        expires: str = str(LATER),
        files: int = 1,
        sign: bool = True,
        more: dict[str, str] | None = None,
        body: bytes = b"content",
    ) -> Step:
        text = f"{path}\n{redirect}\n{size}\n{count}\n{expires}".encode()
        fields = {
            "redirect": redirect,
            "max_file_size": size,
            "max_file_count": count,
            "expires": expires,
            "signature": hmac.digest(key.encode(), text, "sha256").hex(),
            **(more or {}),
        }
        if not sign:
            del fields["signature"]
        parts = [
            f'--XX\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode()
            for n, v in fields.items()
        ]
        parts += [
            f'--XX\r\nContent-Disposition: form-data; name="f{n}"; filename="n{n}"\r\n'
            f"Content-Type: text/x\r\n\r\n".encode()
            + body
            + b"\r\n"
            for n in range(files)
        ]
        return step(
            "POST",
            path,
            body=b"".join(parts) + b"--XX--\r\n",
            Content_Type="multipart/form-data; boundary=XX",
        )

    yield from (
        form(),
        form("/v1/AUTH_a/c"),
        form("/v1/AUTH_a/c/pre"),
        form(key="no"),
        form(files=2),
        form(files=3),
        form(files=0),
        form(size="3"),
        form(size="x"),
        form(count="x"),
        form(expires="1"),
        form(expires="x"),
        form(sign=False),
        form(redirect="http://h/?a=b"),
        form(redirect="http://h/", size="1"),
        form(more={"x_delete_at": "9999999999"}),
        form(more={"x_delete_at": "x"}),
        form(more={"x_delete_after": "60"}),
        form(body=b""),
    )


def bulk_scenario() -> Iterator[Step]:
    yield from BASE
    for accept in ("text/plain", "application/json", "text/xml"):
        yield step(
            "POST", "", "bulk-delete", b"c/plain\nsegs/b\nc/none\n\xff\nnone/x\nc\n", Accept=accept
        )
    yield step("DELETE", "", "bulk-delete", b"", Accept="application/json")

    def archive(*names: str) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(name)
                tar.addfile(info, io.BytesIO(name.encode()))
        return out.getvalue()

    for path in ("", "c", "c/p"):
        yield step(
            "PUT",
            path,
            "extract-archive=tar",
            archive("n/a", "n/ö", "./m/b", "top", "d/"),
            Accept="application/json",
        )
    yield step("PUT", "", "extract-archive=tar", b"x" * 1000, Accept="application/json")
    yield step("PUT", "", "extract-archive=zip", b"x", Accept="application/json")
    yield step(
        "PUT", "", "extract-archive=tar", archive("c/" + "x" * 1100), Accept="application/json"
    )


def quota_scenario() -> Iterator[Step]:
    yield step("PUT", "c", X_Container_Meta_Quota_Bytes="10", X_Container_Meta_Quota_Count="2")
    for size in (5, 5, 1):
        yield step("PUT", f"c/{size}", body=b"x" * size)
    yield step("PUT", "c/third", body=b"")
    for value in ("x", "-1", "", "5"):
        yield step("POST", "c", X_Container_Meta_Quota_Bytes=value)
        yield step("POST", "c", X_Container_Meta_Quota_Count=value)
    yield step("POST", "", X_Account_Quota_Bytes="5")
    reseller = step("POST", "", X_Account_Quota_Bytes="12")
    reseller["environ"] = {"reseller_request": True}
    yield reseller
    yield step("HEAD", "")
    yield step("PUT", "d")
    yield step("PUT", "d/o", body=b"x" * 3)
    bad = step("POST", "", X_Account_Quota_Count="x")
    bad["environ"] = {"reseller_request": True}
    yield bad


def symlink_scenario() -> Iterator[Step]:
    yield from BASE
    yield step("PUT", "/v1/AUTH_b/d")
    yield step("PUT", "/v1/AUTH_b/d/far", body=b"far")
    etag = md5(A).hexdigest()
    yield step("PUT", "c/soft", X_Symlink_Target="segs/%C3%A4%201")
    yield step("PUT", "c/hard", X_Symlink_Target="segs/%C3%A4%201", X_Symlink_Target_Etag=etag)
    yield step("PUT", "c/far", X_Symlink_Target="d/far", X_Symlink_Target_Account="AUTH_b")
    yield step("PUT", "c/own", X_Symlink_Target="segs/b", X_Symlink_Target_Account="AUTH_a")
    yield step("PUT", "c/two", X_Symlink_Target="c/soft")
    yield step("PUT", "c/three", X_Symlink_Target="c/two")
    yield step("PUT", "c/dead", X_Symlink_Target="c/none", Content_Type="x/y")
    for name in ("soft", "hard", "far", "own", "two", "three", "dead"):
        yield step("GET", f"c/{name}")
        yield step("HEAD", f"c/{name}")
        yield step("GET", f"c/{name}", "symlink=get")
        yield step("GET", f"c/{name}", Range="bytes=1-2")
        yield step("POST", f"c/{name}")
    for headers in (
        {"X_Symlink_Target": ""},
        {"X_Symlink_Target": "c"},
        {"X_Symlink_Target": "/c/o"},
        {"X_Symlink_Target": "c/bad"},
        {"X_Symlink_Target": "segs/b", "X_Symlink_Target_Etag": "x"},
        {"X_Symlink_Target": "c/none", "X_Symlink_Target_Etag": "x"},
        {"X_Symlink_Target": "c/o", "X_Symlink_Target_Account": "a/b"},
    ):
        yield step("PUT", "c/bad", **headers)
    yield step("PUT", "c/body", body=b"x", X_Symlink_Target="c/o")
    yield step("POST", "c/plain", X_Symlink_Target="c/o")
    yield step("GET", "c", "format=json")
    yield step("PUT", "segs/ä 1", body=b"changed")
    yield step("GET", "c/hard")
    yield step("DELETE", "c/soft")


def web_scenario() -> Iterator[Step]:
    yield step(
        "PUT",
        "c",
        X_Container_Meta_Web_Index="index.html",
        X_Container_Meta_Web_Error="error.html",
        X_Container_Meta_Web_Listings="true",
    )
    yield step("PUT", "c/d/x", body=b"x", Content_Type="text/plain")
    yield step("PUT", "c/m", Content_Type="application/directory")
    paths = ("c", "c/", "c/d", "c/d/", "c/d/x", "c/none", "c/none/", "c/m", "c/m/")
    for path in paths:
        yield step("HEAD", path)
    yield step("PUT", "c/index.html", body=b"<home>", Content_Type="text/html")
    yield step("PUT", "c/d/index.html", body=b"<d>", Content_Type="text/html")
    yield step("PUT", "c/404error.html", body=b"<lost>", Content_Type="text/html")
    for path in paths:
        yield step("GET", path)
    yield step("POST", "c", X_Container_Meta_Web_Index="", X_Container_Meta_Web_Listings="")
    for path in paths:
        yield step("GET", path)
        yield step("GET", path, X_Web_Mode="true")


def version_scenario() -> Iterator[Step]:
    for header in ("X_Versions_Location", "X_History_Location"):
        yield step("PUT", "old")
        yield step("PUT", "c", **{header: "old"})
        yield step("HEAD", "c")
        for body in (b"one", b"two", b"three"):
            yield step("PUT", "c/ö", body=body, X_Object_Meta_N=body.decode())
        yield step("GET", "old", "format=json")
        for _ in range(4):
            yield step("DELETE", "c/ö")
            yield step("GET", "c/ö")
        yield step("POST", "c", X_Remove_Versions_Location="x")
        yield step("HEAD", "c")
    yield step("POST", "c", X_Versions_Location="a", X_History_Location="b")
    yield step("POST", "c", X_Versions_Location="a/b")
    yield step("POST", "c", X_Versions_Location="missing")
    yield step("PUT", "c/x", body=b"1")
    yield step("PUT", "c/x", body=b"2")


def small_scenario() -> Iterator[Step]:
    yield from BASE
    for path in ("c/'x", "c/..", "c/./x", "c/" + "x" * 260, "c/plain", "c/%3C"):
        yield step("PUT", path, body=b"x")
    yield step("GET", "/crossdomain.xml")
    yield step("POST", "c", X_Container_Rfc_Compliant_Etags="true")
    yield step("HEAD", "c")
    yield step("GET", "c/plain")
    yield step("GET", "segs/b")
    yield step("POST", "", X_Account_Rfc_Compliant_Etags="yes")
    yield step("GET", "segs/b")
    for name in (
        "X_Backend_X",
        "X_Container_Sysmeta_X",
        "X_Object_Sysmeta_X",
        "X_Delete_At_Host",
        "X_Container_Host",
        "X_Object_Transient_Sysmeta_X",
        "X_Timestamp",
    ):
        yield step("PUT", "c/guarded", body=b"x", **{name: "1"})


AUTH = {
    "user_admin_admin": "admin .admin .reseller_admin",
    "user_admin_ro": "ro .reseller_reader",
    "user_test_tester": "testing .admin",
    "user_test_tester3": "testing3",
    "user_test2_tester2": "testing2 .admin",
    "user_svc_svc": "svc .service",
    "reseller_prefix": "AUTH, SERVICE",
    "SERVICE_require_group": ".service",
}


KEYS = {
    key.removeprefix("user_").replace("_", ":"): value.split()[0]
    for key, value in AUTH.items()
    if key.startswith("user_")
}


def auth_scenario() -> Iterator[Step]:
    for path in (
        "/auth/v1.0",
        "/auth/v1.0/",
        "/auth/v1/test/auth",
        "/auth/v1/other/auth",
        "/auth/",
        "/auth/v2.0",
        "/auth/auth",
    ):
        for headers in (
            {"X_Auth_User": "test:tester", "X_Auth_Key": "testing"},
            {"X_Storage_User": "test:tester", "X_Storage_Pass": "testing"},
            {"X_Storage_User": "tester", "X_Storage_Pass": "testing"},
            {"X_Auth_User": "test:tester", "X_Auth_Key": "wrong"},
            {"X_Auth_User": "test", "X_Auth_Key": "testing"},
            {},
        ):
            yield step("GET", path, **headers)
    users = (None, "test:tester", "test:tester3", "test2:tester2", "admin:admin", "admin:ro")
    for acl in (
        "",
        "test2:tester2",
        "test2",
        "test:tester3",
        ".r:*",
        ".r:*,.rlistings",
        ".r:.example.com,.rlistings",
        ".r:*,.r:-evil.org",
        "*:tester3",
    ):
        owner = {"token": "test:tester"}
        for path in ("AUTH_test/c", "AUTH_test/c/o"):
            yield {**step("PUT", f"/v1/{path}"), **owner}
        yield {**step("POST", "/v1/AUTH_test/c", X_Container_Read=acl), **owner}
        if not acl.startswith(".r"):
            yield {**step("POST", "/v1/AUTH_test/c", X_Container_Write=acl), **owner}
        for user in users:
            for referer in ("", "http://www.example.com/x", "http://evil.org/"):
                for verb, path in (
                    ("GET", "c/o"),
                    ("GET", "c"),
                    ("PUT", "c/o"),
                    ("POST", "c"),
                    ("GET", ""),
                    ("POST", ""),
                    ("PUT", ""),
                    ("DELETE", ""),
                    ("OPTIONS", "c/o"),
                ):
                    one = step(verb, f"/v1/AUTH_test/{path}".rstrip("/"))
                    if referer:
                        one["headers"]["Referer"] = referer
                    yield {**one, "token": user}
    for user in users:
        for service in (None, "svc:svc", "test:tester3"):
            yield {**step("PUT", "/v1/SERVICE_test/c"), "token": user, "service": service}
    for token in ("AUTH_tkbad", "other", ""):
        yield step("GET", "/v1/AUTH_test/c/o", X_Auth_Token=token)
    yield step("GET", "/v1/OTHER_x/c/o")


LARGE = [["slo", {}], ["dlo", {}]]
SCENARIOS: dict[str, tuple[list[list[Any]], Any]] = {
    "slo": (LARGE, slo_scenario),
    "dlo": (LARGE, dlo_scenario),
    "copy": ([["copy", {}], *LARGE], copy_scenario),
    "listing_formats": ([["listing_formats", {}]], listing_scenario),
    "tempurl": ([["tempurl", {}]], tempurl_scenario),
    "formpost": ([["formpost", {}]], form_scenario),
    "bulk": ([["bulk", {}]], bulk_scenario),
    "quotas": ([["container_quotas", {}], ["account_quotas", {}]], quota_scenario),
    "symlink": ([["symlink", {}]], symlink_scenario),
    "staticweb": ([["staticweb", {}]], web_scenario),
    "versioned_writes": (
        [["versioned_writes", {"allow_versioned_writes": "true"}]],
        version_scenario,
    ),
    "small": (
        [["gatekeeper", {}], ["etag_quoter", {}], ["crossdomain", {}], ["name_check", {}]],
        small_scenario,
    ),
    "tempauth": ([["tempauth", AUTH]], auth_scenario),
}
