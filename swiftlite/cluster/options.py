"""The sections of swift.conf that are tables of options. Names and defaults are Swift's."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Bytes, opt
from swiftlite.config.units import parse_list


def _versions(text: str) -> tuple[str, ...]:
    found = tuple(parse_list(text))
    if not found:
        raise ValueError("must name at least one version")
    return found


def _not_negative(text: str) -> int:
    """A negative count counts as none, as in Swift."""
    try:
        return max(0, int(text))
    except ValueError:
        raise ValueError("must be a whole number") from None


@dataclass(frozen=True, slots=True)
class HashOptions:
    """Read as latin-1, so that any byte survives. Changing one loses all data."""

    SECTION = "swift-hash"
    swift_hash_path_prefix: str = opt(
        "", "Put in front of every name before it is hashed. Secret; never change it."
    )
    swift_hash_path_suffix: str = opt(
        "", "Put behind every name before it is hashed. Secret; never change it."
    )


@dataclass(frozen=True, slots=True)
class ConstraintOptions:
    """What clients may send. The same on every node; clients read them under /info."""

    SECTION = "swift-constraints"
    max_file_size: Bytes = opt(
        5_368_709_122, "Largest object, or segment of a larger one.", minimum=1
    )
    max_meta_name_length: int = opt(128, "Longest name of a metadata item, in bytes.", minimum=1)
    max_meta_value_length: int = opt(256, "Longest value of a metadata item, in bytes.", minimum=1)
    max_meta_count: int = opt(90, "Metadata items of one account, container or object.", minimum=1)
    max_meta_overall_size: Bytes = opt(4096, "Names and values of all of them.", minimum=1)
    max_header_size: Bytes = opt(
        8192, "Longest header line. Keystone tokens may need more.", minimum=256
    )
    max_request_line: Bytes = opt(8192, "Longest request line.", minimum=256)
    extra_header_count: int = opt(
        0, "Headers accepted beyond max_meta_count and 36 others.", parse=_not_negative
    )
    max_object_name_length: int = opt(1024, "Longest object name, in bytes.", minimum=1)
    max_container_name_length: int = opt(256, "Longest container name, in bytes.", minimum=1)
    max_account_name_length: int = opt(256, "Longest account name, in bytes.", minimum=1)
    container_listing_limit: int = opt(10_000, "Objects in one page of a listing.", minimum=1)
    account_listing_limit: int = opt(10_000, "Containers in one page of a listing.", minimum=1)
    valid_api_versions: tuple[str, ...] = opt(
        ("v1", "v1.0"), "First path segments that mean the object API.", parse=_versions
    )
    auto_create_account_prefix: str = opt(
        ".", "Accounts that begin with this belong to the cluster and are made on demand."
    )
