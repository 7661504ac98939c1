from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftlite.container.server import ContainerServer
from swiftlite.container.updater.options import UpdaterOptions
from swiftlite.container.updater.sweep import UpdaterPass
from swiftlite.dbstore import ContainerBroker
from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.observe import recon
from swiftlite.service.passes import Idle
from tests.account.servers import cluster_conf
from tests.container.servers import Accounts, make_server
from tests.dbstore.asking import ask
from tests.dbstore.stores import at
from tests.service.contexts import Lines, make_context

CONTAINER = "/sda1/7/AUTH_a/c"


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


class Node:
    """A container server, account servers that answer as they are told, and an updater."""

    def __init__(self, root: Path, host: Host, statuses: tuple[int, ...]) -> None:
        self.root, self.host = root, host
        self.server: ContainerServer = make_server(root, host=host, node_timeout=1.0)
        self.accounts = Accounts(host, statuses).start()
        self.lines = Lines()
        self.updater: UpdaterPass | None = None

    @property
    def account(self) -> Any:  # noqa: ANN401 - stands in for Rings
        return self

    def current(self) -> Any:  # noqa: ANN401 - a Ring
        return self.accounts.ring()

    def make_updater(self, **options: Any) -> UpdaterPass:  # noqa: ANN401 - of UpdaterOptions
        conf = {"devices": str(self.root), "mount_check": "false", "fallocate_reserve": "0"}
        context = make_context(
            self.host,
            cluster=cluster_conf(),
            rings=self,
            conf=conf,
            sink=self.lines,
            recon_path=str(self.root),
        )
        return UpdaterPass(context, UpdaterOptions(**options))

    def sweep(self) -> Idle:
        self.updater = self.updater or self.make_updater()
        while not isinstance(outcome := self.updater.step(), Idle):
            pass
        return outcome

    @property
    def broker(self) -> ContainerBroker:
        return self.server._broker("sda1", "7", "AUTH_a", "c")

    def close(self) -> None:
        if self.updater is not None:
            self.updater.close()
        self.server.close()
        self.accounts.close()


Start = Callable[..., Node]


@pytest.fixture
def start(tmp_path: Path, host: Host) -> Iterator[Start]:
    nodes: list[Node] = []

    def make(*statuses: int) -> Node:
        nodes.append(Node(tmp_path, host, statuses))
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()


def fill(node: Node) -> None:
    ask(node.server, "PUT", CONTAINER, 1)
    for name in ("o1", "o2"):
        ask(
            node.server, "PUT", f"{CONTAINER}/{name}", 2, X_Size="5", X_Content_Type="t", X_Etag="e"
        )


def test_a_silent_account_server_holds_up_one_container_only(start: Start) -> None:
    node = start(201, 201)
    for name in ("c", "d", "e"):
        ask(node.server, "PUT", f"/sda1/7/AUTH_a/{name}", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connected by the kernel, no more
        silent.setblocking(False)
        node.accounts.ports.append(silent.getsockname()[1])
        node.updater = node.make_updater(node_timeout=0.1, concurrency=1)
        node.sweep()
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert len(node.accounts.reports) == 6
    assert node.broker.facts().is_reported


def test_an_account_that_has_not_heard_is_told_once(start: Start) -> None:
    node = start(201, 201, 201)
    fill(node)
    node.sweep()
    assert sorted(report.path for report in node.accounts.reports) == [
        f"/sd{n}/0/AUTH_a/c" for n in range(3)
    ]
    told = node.accounts.reports[0].headers
    assert (told["X-Object-Count"], told["X-Bytes-Used"]) == ("2", "10")
    assert told["X-Account-Override-Deleted"] == "yes"
    assert told["User-Agent"].startswith("container-updater ")
    assert node.broker.facts().is_reported
    node.sweep()
    assert len(node.accounts.reports) == 3


def test_between_sweeps_no_database_is_held_open(start: Start) -> None:
    """Or its device could not be unmounted."""
    node = start(201, 201, 201)
    fill(node)
    node.sweep()
    node.server.close()
    held = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [path for path in held if path.is_relative_to(node.root / "sda1")]


def test_a_change_after_a_sweep_is_found_by_the_next(start: Start) -> None:
    node = start(201)
    fill(node)
    node.sweep()
    ask(node.server, "DELETE", f"{CONTAINER}/o1", 3)
    node.sweep()
    assert node.accounts.reports[-1].headers["X-Object-Count"] == "1"


def test_a_majority_that_has_heard_is_enough(start: Start) -> None:
    node = start(201, 503, 201)
    fill(node)
    node.sweep()
    assert node.broker.facts().is_reported


def test_an_account_without_majority_is_left_alone_for_a_while(start: Start) -> None:
    node = start(201, 503, 503)
    fill(node)
    node.sweep()
    assert not node.broker.facts().is_reported
    node.sweep()
    assert len(node.accounts.reports) == 3  # of the first sweep


def test_a_container_that_does_not_know_itself_yet_is_not_reported(start: Start) -> None:
    node = start(201)
    headers = {"X_Size": "1", "X_Content_Type": "t", "X_Etag": "e"}
    ask(node.server, "PUT", "/sda1/7/.expiring_objects/c/o", 1, **headers)
    digest = node.server.conf.hash_path.hex(".expiring_objects", "c")
    assert (node.root / f"sda1/containers/7/{digest[-3:]}/{digest}").is_dir()
    node.sweep()
    reports = [r for r in node.accounts.reports if r.headers["X-Put-Timestamp"] == "0"]
    assert reports == []


def test_a_young_container_without_an_account_stays(start: Start) -> None:
    node = start(404, 404, 404)
    ask(node.server, "PUT", CONTAINER, int(node.host.clock.wall()))
    node.sweep()
    assert node.broker.exists()


def test_an_old_container_without_an_account_is_set_aside(start: Start) -> None:
    node = start(404, 404, 404)
    fill(node)
    node.sweep()
    assert not node.broker.exists()
    assert len(os.listdir(node.root / "sda1/quarantined/containers")) == 1


def test_a_broken_database_does_not_end_the_sweep(start: Start) -> None:
    node = start(201)
    fill(node)
    digest = node.server.conf.hash_path.hex("AUTH_a", "broken")
    place = node.root / f"sda1/containers/8/{digest[-3:]}/{digest}"
    place.mkdir(parents=True)
    (place / f"{digest}.db").write_bytes(b"this is no database" * 500)
    node.sweep()
    assert node.broker.facts().is_reported
    cache = recon.load(node.host.disk, str(node.root / "container.recon"))
    assert isinstance(cache["container_updater_sweep"], float)


def test_a_deleted_container_is_reported_as_deleted(start: Start) -> None:
    node = start(204)
    ask(node.server, "PUT", CONTAINER, 1)
    ask(node.server, "DELETE", CONTAINER, 2)
    node.sweep()
    assert node.accounts.reports[-1].headers["X-Delete-Timestamp"] == at(2).internal
