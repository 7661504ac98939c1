"""The cluster-wide constraints of `[swift-constraints]`: one immutable value, handed in everywhere.

Names and defaults are Swift's, because operators set them and clients read them in /info.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are bytes unless the name says count. A default instance is the default cluster."""

    max_file_size: int = 5_368_709_122  # 5 GiB + 2; also the largest segment
    max_meta_name_length: int = 128
    max_meta_value_length: int = 256
    max_meta_count: int = 90
    max_meta_overall_size: int = 4096
    max_header_size: int = 8192  # one header line
    max_request_line: int = 8192
    extra_header_count: int = 0
    max_object_name_length: int = 1024
    max_container_name_length: int = 256
    max_account_name_length: int = 256
    container_listing_limit: int = 10_000
    account_listing_limit: int = 10_000
    valid_api_versions: tuple[str, ...] = ("v1", "v1.0")
    auto_create_account_prefix: str = "."

    @property
    def max_header_count(self) -> int:
        """Header lines of one request: user metadata, 36 others, and what the operator adds."""
        return self.max_meta_count + 36 + max(0, self.extra_header_count)

    def account_name_limit(self, account: str) -> int:
        """Longest account name; hidden accounts (`.shards_a`) get room for what they prepend."""
        hidden = account.startswith(self.auto_create_account_prefix)
        return self.max_account_name_length * (2 if hidden else 1)

    def container_name_limit(self, account: str) -> int:
        """Longest container name within the account; doubled inside hidden accounts."""
        hidden = account.startswith(self.auto_create_account_prefix)
        return self.max_container_name_length * (2 if hidden else 1)
