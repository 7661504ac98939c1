from __future__ import annotations

import pytest

from swiftlite.policies import PolicyError, parse_policies

GOLD = {"name": "gold", "aliases": "yellow, Au", "default": "yes"}


def test_without_sections_there_is_one_policy() -> None:
    policies = parse_policies({"swift-hash": {}})
    assert [policy.index for policy in policies] == [0]
    assert policies.default.name == "Policy-0"
    assert policies.default.ring_name == "object"


def test_policies_are_found_by_index_and_by_any_name_in_any_case() -> None:
    policies = parse_policies(
        {"storage-policy:0": GOLD, "storage-policy:3": {"name": "silver", "deprecated": "true"}}
    )
    assert policies.default.index == 0
    for name in ("gold", "GOLD", "yellow", "au", "policy-0"):
        assert policies.by_name(name) is policies.get(0)
    silver = policies.by_name("Silver")
    assert silver is not None
    assert (silver.index, silver.deprecated, silver.ring_name) == (3, True, "object-3")
    assert policies.by_name("bronze") is None
    assert policies.get(1) is None


def test_a_single_policy_is_the_default() -> None:
    assert parse_policies({"storage-policy:0": {"name": "only"}}).default.name == "only"


def test_info_tells_names_and_the_default() -> None:
    policies = parse_policies({"storage-policy:0": GOLD, "storage-policy:1": {"name": "other"}})
    assert [policy.info() for policy in policies] == [
        {"name": "gold", "aliases": "gold, yellow, Au", "default": True},
        {"name": "other", "aliases": "other"},
    ]


@pytest.mark.parametrize(("replicas", "quorum"), [(1, 1), (2, 1), (3, 2), (3.5, 2), (4, 2), (5, 3)])
def test_quorum_is_half_rounded_up(replicas: float, quorum: int) -> None:
    assert parse_policies({}).default.quorum(replicas) == quorum


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"storage-policy:1": {"name": "one"}}, "index 0"),
        ({"storage-policy:x": {"name": "one"}}, "whole number"),
        ({"storage-policy:0": {}}, "no name"),
        ({"storage-policy:0": {"name": "a b"}}, "letters, digits"),
        ({"storage-policy:0": {"name": "a", "aliases": "ä"}}, "letters, digits"),
        ({"storage-policy:0": {"name": "a", "policy_type": "magic"}}, "magic"),
        ({"storage-policy:0": {"name": "a", "colour": "red"}}, "colour"),
        ({"storage-policy:0": {"name": "a", "default": "perhaps"}}, "default"),
        ({"storage-policy:0": {"name": "a", "deprecated": "yes"}}, "deprecated"),
        (
            {
                "storage-policy:0": {"name": "a", "default": "yes"},
                "storage-policy:1": {"name": "b", "default": "yes"},
            },
            "exactly one",
        ),
        ({"storage-policy:0": {"name": "a"}, "storage-policy:1": {"name": "b"}}, "exactly one"),
        (
            {
                "storage-policy:0": {"name": "a", "default": "yes"},
                "storage-policy:1": {"name": "b", "aliases": "A"},
            },
            "two storage policies are called a",
        ),
        (
            {
                "storage-policy:0": {"name": "a", "default": "yes"},
                "storage-policy:1": {"name": "Policy-0"},
            },
            "only policy 0",
        ),
    ],
)
def test_what_cannot_be_is_told(sections: dict[str, dict[str, str]], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        parse_policies(sections)
