"""Which header is metadata, which is internal, and how one is spelled."""

from __future__ import annotations

import pytest

from swiftlite.vocab import headers


@pytest.mark.parametrize(
    ("name", "user", "system", "transient"),
    [
        ("X-Object-Meta-Color", True, False, False),
        ("x-object-meta-color", True, False, False),
        ("X-Object-Meta-", False, False, False),
        ("X-Object-Sysmeta-Slo-Etag", False, True, False),
        ("X-Object-Sysmeta-", False, False, False),
        ("X-Object-Transient-Sysmeta-Crypto-Meta", False, False, True),
        ("X-Object-Transient-Sysmeta-", False, False, False),
        ("X-Container-Meta-Color", False, False, False),
        ("Content-Type", False, False, False),
    ],
)
def test_kinds_of_object_metadata(name: str, user: bool, system: bool, transient: bool) -> None:
    assert headers.is_user_meta("object", name) is user
    assert headers.is_sysmeta("object", name) is system
    assert headers.is_sys_or_user_meta("object", name) is (user or system)
    assert headers.is_object_transient_sysmeta(name) is transient


def test_prefixes_are_stripped() -> None:
    assert headers.strip_user_meta_prefix("container", "X-Container-Meta-Color") == "Color"
    assert headers.strip_sysmeta_prefix("account", "x-account-sysmeta-acl") == "acl"
    assert headers.user_meta_prefix("account") == "X-Account-Meta-"
    assert headers.sysmeta_prefix("container") == "X-Container-Sysmeta-"


@pytest.mark.parametrize(
    ("name", "titled"),
    [
        ("x-object-meta-color", "X-Object-Meta-Color"),
        ("ETAG", "ETag"),
        ("x-etag", "X-Etag"),
        ("x-object-meta-2nd_one", "X-Object-Meta-2Nd_One"),
        ("x-object-meta-üa", "X-Object-Meta-üA"),
        ("x-object-meta-Ü", "X-Object-Meta-Ü"),
    ],
)
def test_spelling(name: str, titled: str) -> None:
    assert headers.title_case(name) == titled


@pytest.mark.parametrize(
    "name",
    [
        "X-Backend-Timestamp",
        "x-object-sysmeta-a",
        "X-Container-Host",
        "x-delete-at-container",
        "X-Object-Transient-Sysmeta-A",
        "X-Container-Root-Db-State",
    ],
)
def test_internal_headers(name: str) -> None:
    assert headers.is_internal(name)


@pytest.mark.parametrize("name", ["X-Object-Meta-A", "X-Delete-At", "Host", "X-Timestamp"])
def test_public_headers(name: str) -> None:
    assert not headers.is_internal(name)


def test_every_constant_is_spelled_as_title_case_spells_it() -> None:
    names = [value for name, value in vars(headers).items() if name.isupper() and name[0] != "_"]
    spelled = [value for value in names if isinstance(value, str)]
    assert len(spelled) > 90
    assert [headers.title_case(value) for value in spelled] == spelled
