from __future__ import annotations

from collections.abc import Iterator

import pytest

from swiftlite.web import info_registry


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    info_registry.forget()
    yield
    info_registry.forget()


def test_facts_are_gathered_by_section() -> None:
    info_registry.register("swift", version="1")
    info_registry.register("swift", max_file_size=5)
    info_registry.register("tempauth", account_acls=True)
    assert info_registry.facts() == {
        "swift": {"version": "1", "max_file_size": 5},
        "tempauth": {"account_acls": True},
    }


def test_sections_and_facts_can_be_hidden() -> None:
    info_registry.register("swift", version="1", nested={"a": 1, "b": 2})
    info_registry.register("slo")
    told = info_registry.facts(disallowed=["slo", "swift.version", "swift.nested.a"])
    assert told == {"swift": {"nested": {"b": 2}}}


def test_admin_facts_are_told_to_admins_only() -> None:
    info_registry.register("secret", admin=True, depth=3)
    assert info_registry.facts() == {}
    assert info_registry.facts(admin=True, disallowed=["x"])["admin"] == {
        "secret": {"depth": 3},
        "disallowed_sections": ["x"],
    }


def test_dots_are_not_allowed() -> None:
    with pytest.raises(ValueError, match="dot"):
        info_registry.register("a.b")
