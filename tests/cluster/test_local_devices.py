from __future__ import annotations

import pytest

from swiftlite.cluster.local_devices import is_own_address


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.1.2.3", "localhost"])
def test_loopback_is_ours(ip: str) -> None:
    assert is_own_address(ip)


@pytest.mark.parametrize("ip", ["192.0.2.1", "0.0.0.0", "::"])
def test_documentation_addresses_and_wildcards_are_not(ip: str) -> None:
    assert not is_own_address(ip)
