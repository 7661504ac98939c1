from __future__ import annotations

import json

import pytest

from swiftlite.infocache.info import (
    AccountInfo,
    ContainerInfo,
    Cors,
    PolicyUsage,
    account_from_headers,
    account_from_shared,
    account_to_shared,
    container_from_headers,
    container_from_shared,
    container_to_shared,
    object_from_headers,
)

ACCOUNT_HEADERS = [
    ("X-Account-Container-Count", "3"),
    ("X-Account-Object-Count", "1000"),
    ("X-Account-Bytes-Used", "123456789"),
    ("X-Account-Storage-Policy-Gold-Container-Count", "1"),
    ("X-Account-Storage-Policy-Gold-Object-Count", "900"),
    ("X-Account-Storage-Policy-Gold-Bytes-Used", "7"),
    ("X-Account-Meta-Temp-Url-Key", "secret"),
    ("X-Account-Meta-Farbe", "gr\xc3\xbcn"),
    ("X-Account-Sysmeta-Core-Access-Control", "{}"),
]
CONTAINER_HEADERS = [
    ("X-Container-Object-Count", "12"),
    ("X-Container-Bytes-Used", "3400"),
    ("X-Container-Read", ".r:*,.rlistings"),
    ("X-Container-Write", "AUTH_b:j\xc3\xbcrgen"),
    ("X-Container-Sync-Key", "k"),
    ("X-Container-Meta-Access-Control-Allow-Origin", "http://a http://b"),
    ("X-Container-Meta-Access-Control-Max-Age", "5"),
    ("X-Container-Sysmeta-Versions-Enabled", "True"),
    ("X-Backend-Storage-Policy-Index", "2"),
    ("X-Backend-Sharding-State", "sharding"),
    ("X-Backend-Put-Timestamp", "0000000001.00000"),
]


def test_an_account_is_read_from_headers() -> None:
    info = account_from_headers(204, ACCOUNT_HEADERS, {"gold": 3, "silver": 4})
    assert info.ok
    assert info.exists
    assert (info.container_count, info.total_object_count, info.bytes) == (3, 1000, 123456789)
    assert info.meta == {"temp-url-key": "secret", "farbe": "grün"}
    assert info.sysmeta == {"core-access-control": "{}"}
    assert info.storage_policies == {3: PolicyUsage(1, 900, 7)}


def test_an_account_that_is_only_pretended_does_not_exist() -> None:
    info = account_from_headers(204, [("X-Backend-Fake-Account-Listing", "yes")])
    assert info.ok
    assert not info.exists
    assert not AccountInfo(404).exists


def test_a_container_is_read_from_headers() -> None:
    info = container_from_headers(204, CONTAINER_HEADERS)
    assert info == ContainerInfo(
        status=204,
        read_acl=".r:*,.rlistings",
        write_acl="AUTH_b:jürgen",
        sync_key="k",
        object_count=12,
        bytes=3400,
        storage_policy=2,
        cors=Cors("http://a http://b", None, "5"),
        meta={"access-control-allow-origin": "http://a http://b", "access-control-max-age": "5"},
        sysmeta={"versions-enabled": "True"},
        sharding_state="sharding",
        put_timestamp="0000000001.00000",
    )


def test_an_object_is_read_from_headers() -> None:
    info = object_from_headers(
        200,
        [
            ("Content-Length", "5"),
            ("Content-Type", "text/plain"),
            ("ETag", '"abc"'),
            ("X-Object-Meta-Color", "red"),
            ("X-Object-Sysmeta-Slo-Etag", "def"),
            ("X-Object-Transient-Sysmeta-Crypto-Meta", "x"),
        ],
    )
    assert (info.length, info.type, info.etag) == (5, "text/plain", "abc")
    assert info.meta == {"color": "red"}
    assert info.sysmeta == {"slo-etag": "def"}
    assert info.transient_sysmeta == {"crypto-meta": "x"}


def test_infos_pass_through_the_json_of_a_shared_cache() -> None:
    account = account_from_headers(204, ACCOUNT_HEADERS, {"gold": 3})
    stored = json.loads(json.dumps(account_to_shared(account)))
    assert account_from_shared(stored) == account
    assert stored["bytes"] == "123456789"
    assert stored["storage_policies"] == {
        "3": {"container_count": 1, "object_count": 900, "bytes": 7}
    }
    assert stored["meta"]["farbe"] == "gr\xc3\xbcn"
    container = container_from_headers(204, CONTAINER_HEADERS)
    stored = json.loads(json.dumps(container_to_shared(container)))
    assert container_from_shared(stored) == container
    assert stored["cors"]["max_age"] == "5"
    assert stored["storage_policy"] == "2"


def test_what_swift_leaves_out_or_writes_otherwise_is_read() -> None:
    info = container_from_shared(
        {
            "status": 204,
            "read_acl": None,
            "object_count": "7",
            "bytes": None,
            "storage_policy": "1",
            "cors": {"allow_origin": None, "expose_headers": None, "max_age": None},
            "meta": {},
            "sysmeta": {},
        }
    )
    assert info == ContainerInfo(204, object_count=7, storage_policy=1)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"status": "200"}, {"status": True}])
def test_what_is_no_info_is_not_believed(value: object) -> None:
    assert account_from_shared(value) is None
    assert container_from_shared(value) is None


def test_counts_that_are_no_numbers_count_as_zero() -> None:
    info = container_from_headers(
        204, [("X-Container-Object-Count", "²"), ("X-Container-Bytes-Used", "9" * 30)]
    )
    assert (info.object_count, info.bytes) == (0, 0)
