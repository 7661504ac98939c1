"""The operating system's disk and the simulated one keep the same promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.host.disk import Disk
from swiftlite.host.os_disk import OsDisk
from swiftlite.testing.disk_contract import DiskContract
from swiftlite.testing.sim_disk import SimDisk


class TestOsDisk(DiskContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        try:
            os.setxattr(tmp_path, "user.probe", b"1")
        except OSError as error:
            pytest.skip(f"{tmp_path} keeps no user attributes: {error}")
        os.mkdir(tmp_path / "root")
        return str(tmp_path / "root")

    @pytest.fixture
    def disk(self) -> Disk:
        return OsDisk()


class TestSimDisk(DiskContract):
    @pytest.fixture
    def disk(self) -> Disk:
        made = SimDisk(7)
        made.makedirs("/srv/node")
        return made

    @pytest.fixture
    def root(self) -> str:
        return "/srv/node"
