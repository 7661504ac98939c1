"""What a cluster of real processes does when parts of it fail. Every acknowledged write stays."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import ServerName
from swiftlite.formats.async_pending import decode_async_pending
from tests.functional.cluster import (
    Client,
    Embedded,
    Separate,
    abrupt,
    open_descriptors,
    wait_for,
)

pytestmark = pytest.mark.slow

ACCOUNT = "AUTH_test"
BIG = bytes(range(256)) * 4096 * 8  # 8 MiB: more than any buffer on the way


def servers(kind: str, *nodes: int) -> list[ServerName]:
    return [ServerName(kind, node) for node in nodes]


def test_a_storage_server_killed_in_the_middle_of_a_put(separate: Separate) -> None:
    client = separate.client()
    client.put("/c")
    victim, *_ = separate.nodes_of("object", ACCOUNT, "c", "o")
    connection = client.open("PUT", "/c/o", Content_Length=str(len(BIG)))
    connection.send(BIG[: len(BIG) // 2])
    separate.kill(*servers("object", victim))
    connection.send(BIG[len(BIG) // 2 :])
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 201
    assert client.get("/c/o").body == BIG
    assert client.get("/c").lines == ["o"]


def test_two_storage_servers_killed_in_the_middle_of_a_put(separate: Separate) -> None:
    """No quorum of primaries is left, so the client is told so, and no half object appears."""
    client = separate.client()
    client.put("/c")
    first, second, _ = separate.nodes_of("object", ACCOUNT, "c", "o")
    connection = client.open("PUT", "/c/o", Content_Length=str(len(BIG)))
    connection.send(BIG[: len(BIG) // 2])
    wait_for(
        lambda: all(
            any(separate.layout.device(node).glob("objects/*")) for node in (first, second)
        ),
        "both servers have begun to write",  # before that a handoff would take their place
    )
    separate.kill(*servers("object", first, second))
    try:
        connection.send(BIG[len(BIG) // 2 :])
        status = connection.getresponse().status
    except OSError:  # the proxy has given up before we sent it all
        status = 503
    assert status == 503
    separate.start(*servers("object", first, second))
    answer = client.get("/c/o")
    assert answer.status == 404 or answer.body == BIG


def test_a_storage_server_killed_in_the_middle_of_a_get(separate: Separate) -> None:
    """Whoever was serving, the client gets every byte: two of three holders are killed."""
    client = separate.client()
    client.put("/c")
    assert client.put("/c/o", BIG).status == 201
    wait_for(lambda: copies(separate) == 3, "three replicas are there")
    connection = client.open("GET", "/c/o")
    answer = connection.getresponse()
    body = answer.read(10_000)
    nodes = separate.nodes_of("object", ACCOUNT, "c", "o")
    separate.kill(*servers("object", *nodes[:2]))
    body += answer.read()
    assert hashlib.md5(body).digest() == hashlib.md5(BIG).digest()
    other = client.open("GET", "/c/o", Range="bytes=1000000-").getresponse()
    assert other.read() == BIG[1_000_000:]


def copies(cluster: Separate) -> int:
    return sum(len(cluster.files(node, "objects/*/*/*/*.data")) for node in range(1, 5))


@pytest.mark.parametrize("lost", [(1, 2), (3, 4), (1, 3)])
def test_two_of_four_devices_unmounted(separate: Separate, lost: tuple[int, int]) -> None:
    client = separate.client()
    client.put("/before")
    for number in range(20):
        assert client.put(f"/before/{number:02}", b"%d" % number * 1000).status == 201
    for node in lost:
        separate.lose_device(node)
    for number in range(20):
        answer = client.get(f"/before/{number:02}")
        assert (answer.status, answer.body) == (200, b"%d" % number * 1000)
    assert len(client.get("/before").lines) == 20
    assert client.put("/during").status == 201
    for number in range(20):
        assert client.put(f"/during/{number:02}", b"%d" % number * 1000).status == 201
        assert client.get(f"/during/{number:02}").body == b"%d" % number * 1000
    assert len(client.get("/during").lines) == 20
    for node in lost:
        separate.return_device(node)
    for number in range(20):
        assert client.get(f"/during/{number:02}").status == 200
        assert client.get(f"/before/{number:02}").status == 200


def test_a_node_without_room_is_passed_over(separate: Separate) -> None:
    """One object server is told to keep all of its disk free: it answers 507 to every PUT."""
    full = ServerName("object", 2)
    conf = separate.layout.conf(full)
    conf.write_text(
        conf.read_text().replace("[DEFAULT]\n", "[DEFAULT]\nfallocate_reserve = 100%\n")
    )
    separate.kill(full)
    separate.start(full)
    client = separate.client()
    client.put("/c")
    for number in range(20):
        assert client.put(f"/c/{number:02}", b"%d" % number * 1000).status == 201
        assert client.get(f"/c/{number:02}").body == b"%d" % number * 1000
    assert separate.files(2, "objects/*/*/*/*.data") == []
    assert copies(separate) >= 40, "a quorum at least is on the others"
    assert client.delete("/c/00").status == 204, "a tombstone needs no room"


def test_a_client_that_leaves_in_the_middle_of_a_put(separate: Separate) -> None:
    client = separate.client()
    client.put("/c")
    client.put("/c/kept", b"old")
    for name in ("new", "kept"):
        connection = client.open("PUT", f"/c/{name}", Content_Length=str(len(BIG)))
        connection.send(BIG[:1_000_000])
        with abrupt(connection):
            pass
    wait_for(lambda: unnamed_files(separate) == 0, "temporary files are let go of")
    assert client.get("/c/new").status == 404
    assert client.get("/c/kept").body == b"old"
    assert client.get("/c").lines == ["kept"]
    for node in range(1, 5):
        assert separate.files(node, "tmp*/**/*") == []


def unnamed_files(cluster: Separate) -> int:
    """Open files of object servers that have no name (yet): uploads under way."""
    count = 0
    for node in range(1, 5):
        folder = Path(f"/proc/{cluster.pid(ServerName('object', node))}/fd")
        for entry in folder.iterdir():
            try:
                target = os.readlink(entry)
            except OSError:
                continue
            count += target.startswith(str(cluster.layout.root)) and target.endswith("(deleted)")
    return count


def test_clients_that_leave_in_the_middle_of_a_get_leave_nothing_behind(
    separate: Separate,
) -> None:
    client = separate.client()
    client.put("/c")
    client.put("/c/o", BIG)

    def leave() -> None:
        connection = client.open("GET", "/c/o")
        connection.getresponse().read(10_000)
        with abrupt(connection):
            pass

    for _ in range(5):
        leave()
    watched = [ServerName("proxy"), *servers("object", 1, 2, 3, 4)]
    wait_for(lambda: object_files_open(separate) == 0, "the object's files are closed")
    before = {server: open_descriptors(separate.pid(server)) for server in watched}
    for _ in range(30):
        leave()
    wait_for(lambda: object_files_open(separate) == 0, "the object's files are closed again")

    def as_before() -> bool:
        # Kept connections between servers may be more or fewer than before, by a few.
        return all(
            open_descriptors(separate.pid(server)) <= count + 8 for server, count in before.items()
        )

    wait_for(as_before, "descriptors are let go of")
    assert client.get("/c/o").body == BIG


def object_files_open(cluster: Separate) -> int:
    count = 0
    for node in range(1, 5):
        folder = Path(f"/proc/{cluster.pid(ServerName('object', node))}/fd")
        for entry in folder.iterdir():
            try:
                count += os.readlink(entry).endswith(".data")
            except OSError:
                continue
    return count


@pytest.mark.parametrize("killed", [False, True])
def test_container_servers_that_are_down_leave_their_updates_on_disk(
    separate: Separate, killed: bool
) -> None:
    client = separate.client()
    client.put("/c")
    assert client.put("/c/first", b"x").status == 201  # the proxy knows the container from now on
    down = servers("container", *separate.nodes_of("container", ACCOUNT, "c"))
    separate.kill(*down)
    names = [f"{number:02}" for number in range(10)]
    for name in names:
        assert client.put(f"/c/{name}", name.encode()).status == 201
    assert waiting_updates(separate) == set(names)
    for name in names:
        assert client.get(f"/c/{name}").body == name.encode()
    separate.start(*down)
    # Whoever kept them delivers them; of those that were killed, the updater.
    objects = servers("object", 1, 2, 3, 4)
    if killed:
        separate.kill(*objects)
        separate.start(*objects)
        for node in (1, 2, 3, 4):
            separate.run_once("obj.updater", node)
    wait_for(lambda: waiting_updates(separate) == set(), "the updates are delivered")
    for _ in range(6):  # whichever replica of the listing answers
        assert client.get("/c").lines == [*names, "first"]


def waiting_updates(cluster: Separate) -> set[str]:
    """Objects that have an async pending on some device."""
    found = set()
    for node in range(1, 5):
        for path in cluster.files(node, "async_pending/*/*"):
            with contextlib.suppress(FileNotFoundError):
                found.add(decode_async_pending(path.read_bytes()).obj)
    return found


def test_a_container_server_that_is_down_does_not_keep_objects_from_the_listing(
    separate: Separate,
) -> None:
    client = separate.client()
    client.put("/c")
    victim, *_ = separate.nodes_of("container", ACCOUNT, "c")
    separate.kill(*servers("container", victim))
    for number in range(10):
        assert client.put(f"/c/{number:02}", b"x").status == 201
    # The servers that are up hold every row; the one that is down has notes waiting for it.
    assert client.get("/c").lines == [f"{number:02}" for number in range(10)]
    assert waiting_updates(separate)
    separate.start(*servers("container", victim))
    wait_for(lambda: waiting_updates(separate) == set(), "the updates are delivered")


def test_the_whole_cluster_killed_and_started_again(tmp_path: Path) -> None:
    cluster = Embedded(tmp_path / "cluster").start()
    try:
        client = cluster.client()
        assert client.put("/c").status == 201
        written = Writers(cluster, count=3)
        wait_for(lambda: len(written.acknowledged) >= 60, "sixty objects are acknowledged")
        cluster.kill()
        written.stop()
        cluster.start()
        client = cluster.client()
        check_all(client, written.acknowledged)
        assert cluster.stop() == 0
        cluster.start()
        check_all(cluster.client(), written.acknowledged)
    finally:
        cluster.kill()


def check_all(client: Client, acknowledged: dict[str, bytes]) -> None:
    for name, body in acknowledged.items():
        answer = client.get(f"/c/{name}")
        assert (answer.status, answer.body) == (200, body), name
    # Servers that were just killed may still have to hear of their last rows.
    wait_for(lambda: set(acknowledged) <= listing(client), "everything is listed")


def listing(client: Client) -> set[str]:
    names: list[str] = []
    while page := client.get("/c", f"marker={names[-1]}" if names else "").lines:
        names += page
    return set(names)


class Writers:
    """Clients that put objects until they are stopped, and remember what was acknowledged."""

    def __init__(self, cluster: Embedded, count: int) -> None:
        self.acknowledged: dict[str, bytes] = {}
        self.refused = 0
        self._stopped = threading.Event()
        clients = [cluster.client() for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._write, args=(client, number), daemon=True)
            for number, client in enumerate(clients)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, client: Client, writer: int) -> None:
        for name in self._names(writer):
            body = name.encode() * 200
            try:
                status = client.put(f"/c/{name}", body).status
            except (OSError, http.client.HTTPException):
                status = 0
            if status == 201:
                self.acknowledged[name] = body
            else:
                self.refused += 1

    def _names(self, writer: int) -> Iterator[str]:
        number = 0
        while not self._stopped.is_set():
            yield f"{writer}-{number:06}"
            number += 1

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=90)


def test_servers_killed_one_after_the_other_under_load(tmp_path: Path) -> None:
    """Each storage server dies once while clients write and read; no byte is wrong, none lost."""
    cluster = Embedded(tmp_path / "cluster").start()
    try:
        client = cluster.client()
        client.put("/c")
        written = Writers(cluster, count=2)
        wrong = 0
        for server in cluster.layout.servers:
            if server.kind == "proxy":
                continue
            seen = len(written.acknowledged)
            victim = cluster.pid(server)
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda seen=seen: len(written.acknowledged) >= seen + 5, "writing goes on")  # type: ignore[misc]  # lambda with default
            for name, body in list(written.acknowledged.items())[-20:]:
                answer = client.get(f"/c/{name}")
                wrong += answer.status == 200 and answer.body != body
        written.stop()
        assert wrong == 0
        wait_for(lambda: all_up(cluster), "every server is back")
        check_all(cluster.client(), written.acknowledged)
    finally:
        cluster.kill()


def all_up(cluster: Embedded) -> bool:
    for server in cluster.layout.servers:
        port = cluster.port if server.kind == "proxy" else cluster.layout.port(server)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/healthcheck")
            if connection.getresponse().status != 200:
                return False
        except OSError:
            return False
        finally:
            connection.close()
    return True
