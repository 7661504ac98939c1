"""The operating system's disk and the simulated one keep the same promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.host.disk import Disk
from swiftlite.host.os_disk import OsDisk
from swiftlite.testing.disk_contract import DiskContract
from swiftlite.testing.sim_disk import SimDisk
from tests.user_attributes import need_user_attributes


class TestOsDisk(DiskContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        need_user_attributes(tmp_path)
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
