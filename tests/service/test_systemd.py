from __future__ import annotations

import socket
from pathlib import Path

import pytest

from swiftlite.service.systemd import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_the_state(tmp_path: Path, abstract: bool) -> None:
    path = f"@swiftlite-test-{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + path[1:] if abstract else path)
        assert notify("READY=1", {"NOTIFY_SOCKET": path})
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
