"""What accounts are told of their containers, and what becomes of it when they do not hear."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swiftlite.container.account_update import AccountReporter, AccountTeller
from swiftlite.container.server import ContainerServer
from swiftlite.dbstore import ContainerBroker
from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.observe.log import Log
from swiftlite.peers.pool import Pool
from swiftlite.vocab.timestamp import Timestamp
from tests.account.servers import Lines
from tests.container.servers import Accounts, make_server
from tests.dbstore.asking import ask
from tests.dbstore.stores import HASH_PATH, at

CONTAINER = "/sda1/7/AUTH_a/c"


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def accounts(host: Host) -> Iterator[Callable[..., Accounts]]:
    made: list[Accounts] = []

    def start(*statuses: int) -> Accounts:
        made.append(Accounts(host, statuses).start())
        return made[-1]

    yield start
    for group in made:
        group.close()


@pytest.fixture
def server(tmp_path: Path, host: Host) -> Iterator[ContainerServer]:
    made = make_server(tmp_path, host=host, node_timeout=1.0)
    yield made
    made.close()


Start = Callable[..., Accounts]


def row(name: str, size: int = 5) -> str:
    fields = {"name": name, "created_at": at(1).internal, "size": size, "deleted": 0}
    return json.dumps([{**fields, "content_type": "t", "etag": "e", "storage_policy_index": 0}])


def reporter_of(host: Host, accounts: Accounts) -> AccountReporter:
    """One that tells these accounts when it is called, and not by itself."""
    log = Log("test", sink=Lines())
    teller = AccountTeller(host, Pool(host), conn_timeout=0.5, node_timeout=1.0, log=log)
    return AccountReporter(host, teller, accounts.ring, interval=3600.0, log=log)


def broker_of(server: ContainerServer) -> ContainerBroker:
    return server._broker("sda1", "7", "AUTH_a", "c")


def test_creation_and_deletion_are_told_at_once(server: ContainerServer, accounts: Start) -> None:
    group = accounts(201, 201, 201)
    made = ask(server, "PUT", CONTAINER, 1, X_Trans_Id="tx1", **group.headers)
    assert made.status == 201
    assert sorted(report.path for report in group.reports) == [
        f"/sd{n}/9/AUTH_a/c" for n in range(3)
    ]
    told = group.reports[0].headers
    put = Timestamp.from_text(told["X-Put-Timestamp"])
    assert put.raw == at(1).raw
    assert put.offset  # when it was told
    assert told["X-Delete-Timestamp"] == "0"
    assert (told["X-Object-Count"], told["X-Bytes-Used"]) == ("0", "0")
    assert told["X-Backend-Storage-Policy-Index"] == "0"
    assert told["X-Trans-Id"] == "tx1"
    assert told["User-Agent"].startswith("container-server ")
    assert ask(server, "DELETE", CONTAINER, 2, **group.headers).status == 204
    assert group.reports[-1].headers["X-Delete-Timestamp"] == at(2).internal


def test_the_override_is_passed_on(server: ContainerServer, accounts: Start) -> None:
    group = accounts(201)
    ask(server, "PUT", CONTAINER, 1, X_Account_Override_Deleted="yes", **group.headers)
    assert group.reports[0].headers["X-Account-Override-Deleted"] == "yes"


def test_an_account_that_nobody_knows_is_not_found(
    server: ContainerServer, accounts: Start
) -> None:
    assert ask(server, "PUT", CONTAINER, 1, **accounts(404, 404).headers).status == 404
    assert ask(server, "DELETE", CONTAINER, 2, **accounts(404).headers).status == 404


def test_one_account_server_that_knows_it_is_enough(
    server: ContainerServer, accounts: Start
) -> None:
    assert ask(server, "PUT", CONTAINER, 1, **accounts(404, 201, 404).headers).status == 201


@pytest.mark.parametrize("status", [500, 503, 507])
def test_an_account_server_in_trouble_does_not_fail_the_request(
    server: ContainerServer, accounts: Start, status: int
) -> None:
    assert ask(server, "PUT", CONTAINER, 1, **accounts(status).headers).status == 201


def test_an_account_server_that_is_down_does_not_fail_the_request(
    server: ContainerServer, accounts: Start
) -> None:
    group = accounts(201)
    headers = group.headers
    headers["X_Account_Host"] = "127.0.0.1:1"
    assert ask(server, "PUT", CONTAINER, 1, **headers).status == 201


def test_nobody_waits_again_for_an_account_server_that_was_silent(
    tmp_path: Path, host: Host, accounts: Start
) -> None:
    server = make_server(tmp_path, host=host, node_timeout=0.1)
    group = accounts(201)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connected by the kernel, no more
        silent.setblocking(False)
        headers = group.headers
        headers["X_Account_Host"] += f",127.0.0.1:{silent.getsockname()[1]}"
        headers["X_Account_Device"] += ",sdx"
        for n in range(1, 4):
            assert ask(server, "PUT", CONTAINER, n, **headers).status in (201, 202)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert len(group.reports) == 3
    server.close()


@pytest.mark.parametrize(
    "change",
    [
        {"X_Account_Host": "127.0.0.1:1,127.0.0.1:2"},
        {"X_Account_Host": "nowhere"},
        {"X_Account_Host": "127.0.0.1:port"},
        {"X_Account_Host": "127.0.0.1:70000"},
    ],
)
def test_hosts_that_make_no_sense_are_refused(
    server: ContainerServer, change: dict[str, str]
) -> None:
    good = {"X_Account_Host": "127.0.0.1:1", "X_Account_Device": "sd", "X_Account_Partition": "1"}
    assert ask(server, "PUT", CONTAINER, 1, **{**good, **change}).status == 400


def test_counts_are_reported_to_every_replica_and_remembered(
    server: ContainerServer, accounts: Start, host: Host
) -> None:
    group = accounts(201, 201, 201)
    ask(server, "PUT", CONTAINER, 1)
    ask(server, "UPDATE", CONTAINER, 1, body=row("o"))
    broker = broker_of(server)
    assert reporter_of(host, group).report(broker)
    assert {report.path.split("/")[1] for report in group.reports} == {"sd0", "sd1", "sd2"}
    partition = group.ring().partition("AUTH_a")
    assert group.reports[0].path.split("/")[2] == str(partition)
    assert group.reports[0].headers["X-Object-Count"] == "1"
    assert group.reports[0].headers["X-Bytes-Used"] == "5"
    assert broker.facts().is_reported
    assert HASH_PATH.hex("AUTH_a", "c") == broker.place.digest


def test_a_container_with_no_news_is_not_reported(
    server: ContainerServer, accounts: Start, host: Host
) -> None:
    group = accounts(201)
    ask(server, "PUT", CONTAINER, 1)
    reporter = reporter_of(host, group)
    reporter.report(broker_of(server))
    reporter.report(broker_of(server))
    assert len(group.reports) == 1


def test_a_minority_that_heard_is_not_enough(
    server: ContainerServer, accounts: Start, host: Host
) -> None:
    ask(server, "PUT", CONTAINER, 1)
    assert not reporter_of(host, accounts(201, 503, 503)).report(broker_of(server))
    assert not broker_of(server).facts().is_reported
    assert reporter_of(host, accounts(201, 201, 503)).report(broker_of(server))
    assert broker_of(server).facts().is_reported


def test_noted_containers_are_reported_together_and_once(
    server: ContainerServer, accounts: Start, host: Host
) -> None:
    group = accounts(201)
    ask(server, "PUT", CONTAINER, 1)
    reporter = reporter_of(host, group)
    for number in range(20):
        ask(server, "UPDATE", CONTAINER, 1, body=row(f"o{number}"))
        reporter.note(broker_of(server))
    reporter.report_noted()
    assert [report.headers["X-Object-Count"] for report in group.reports] == ["20"]


def test_a_report_that_fails_is_tried_again_a_few_times(
    server: ContainerServer, accounts: Start, host: Host
) -> None:
    group = accounts(503)
    ask(server, "PUT", CONTAINER, 1)
    reporter = reporter_of(host, group)
    reporter.note(broker_of(server))
    for _ in range(10):
        reporter.report_noted()
    assert 2 <= len(group.reports) <= 6


def test_a_container_that_is_gone_is_dropped(
    server: ContainerServer, accounts: Start, host: Host
) -> None:
    group = accounts(201)
    assert reporter_of(host, group).report(broker_of(server))
    assert group.reports == []


def eventually(host: Host, holds: Callable[[], bool]) -> bool:
    """Wait, for as long as a busy machine may need, until something holds."""
    deadline = host.clock.monotonic() + 20
    while not holds():
        if host.clock.monotonic() > deadline:
            return False
        host.tasks.sleep(0.01)
    return True


def test_counts_become_true_by_themselves(tmp_path: Path, host: Host, accounts: Start) -> None:
    group = accounts(201, 201)
    server = make_server(tmp_path, host=host, ring=group.ring(), account_report_interval=0.02)
    ask(server, "PUT", CONTAINER, 1)
    ask(server, "UPDATE", CONTAINER, 1, body=row("o"))
    assert eventually(host, lambda: broker_of(server).facts().is_reported)
    assert group.reports[-1].headers["X-Object-Count"] == "1"
    server.close()


def test_what_was_not_reported_before_a_restart_is_when_touched(
    tmp_path: Path, host: Host, accounts: Start
) -> None:
    group = accounts(201)
    before = make_server(tmp_path, host=host)
    ask(before, "PUT", CONTAINER, 1)
    ask(before, "UPDATE", CONTAINER, 1, body=row("o"))
    before.close()
    after = make_server(tmp_path, host=host, ring=group.ring(), account_report_interval=0.02)
    assert ask(after, "HEAD", CONTAINER).status == 204
    assert eventually(host, lambda: broker_of(after).facts().is_reported)
    after.close()
