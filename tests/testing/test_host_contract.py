"""The green host and the simulated one keep the same promises about tasks and networks."""

from __future__ import annotations

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.testing.net_contract import NetContract
from swiftlite.testing.sim_host import World
from swiftlite.testing.tasks_contract import TasksContract


class TestGreenTasks(TasksContract):
    @pytest.fixture
    def host(self) -> Host:
        return green.make_host()


class TestGreenNet(NetContract):
    @pytest.fixture
    def host(self) -> Host:
        return green.make_host()

    @pytest.fixture
    def ip(self) -> str:
        return "127.0.0.1"


@pytest.fixture(params=[1, 2, 3])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


class TestSimTasks(TasksContract):
    @pytest.fixture
    def host(self, world: World) -> Host:
        return world.node("10.0.0.1").host


class TestSimNet(NetContract):
    @pytest.fixture
    def host(self, world: World) -> Host:
        return world.node("10.0.0.1").host

    @pytest.fixture
    def ip(self) -> str:
        return "10.0.0.1"
