"""Lanes that die in mid-transfer: the client gets every byte, or is told; never a wrong one.

Whichever way bytes go between the processes (files lent, relayed in the kernel over local sockets
or TCP, copied, or all of it off), servers are killed and files vanish, shrink or rot while a client
has read a part. Afterwards no process holds a descriptor more than before.
"""

from __future__ import annotations

import http.client
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import ServerName
from tests.functional.cluster import LANES_OFF, Client, Separate, abrupt, wait_for
from tools.faults.lanes import switch_off

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(LANES_OFF, reason="one of the ways here is without lanes"),
]

ACCOUNT = "AUTH_test"
BODY = os.urandom(24 << 20)  # several times what sockets, pipes and buffers on the way hold
READ = 1 << 20  # what the client has taken when it happens
AHEAD = 20 << 20  # nobody has read so far by then
WAYS: dict[str, tuple[str, ...]] = {  # what of the proxy is off
    "lent": (),
    "spliced": ("borrow_files",),
    "spliced by TCP": ("borrow_files", "local_sockets"),
    "copied": ("borrow_files", "relay_by_splice"),
    "hashed by each": ("borrow_files", "hash_once"),
}


@pytest.fixture(scope="module", params=[*WAYS, "no lane"])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Separate]:
    made = Separate(tmp_path_factory.mktemp("deaths"))
    if request.param in WAYS:
        conf = made.layout.conf(ServerName("proxy"))
        use = "use = egg:swiftlite#proxy\n"
        off = "".join(f"{option} = false\n" for option in WAYS[request.param])
        conf.write_text(conf.read_text().replace(use, use + off))
    else:
        switch_off(made.layout)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def client(cluster: Separate) -> Iterator[Client]:
    """Of a container of its own; afterwards every server is up again and holds what it did."""
    made = cluster.client()
    assert made.put("/c").status in (201, 202)
    yield made
    made.close()


@pytest.fixture
def held(cluster: Separate, client: Client) -> Iterator[None]:
    """Afterwards nobody holds more than after one good upload and download."""
    store(cluster, client, "before")
    assert client.get("/c/before").body == BODY
    servers = [ServerName("proxy"), *objects(1, 2, 3, 4)]
    pids = {server: cluster.pid(server) for server in servers}
    before = {server: descriptors(pid) for server, pid in pids.items()}
    yield
    for server in servers:
        if server not in cluster.alive:
            cluster.start(server)

    unchanged = [server for server in servers if cluster.pid(server) == pids[server]]

    def now() -> dict[ServerName, Counter[str]]:
        return {server: descriptors(pids[server]) for server in unchanged}

    def as_before() -> bool:
        return all(no_more(found, before[server]) for server, found in now().items())

    try:
        wait_for(as_before, "descriptors are let go of")
    except AssertionError as error:
        error.add_note(f"before: {before}\nnow: {now()}")
        raise


def no_more(now: Counter[str], before: Counter[str]) -> bool:
    """Files as before; of connections and empty pipes a few are kept for the next request."""
    return all(now[kind] <= before[kind] + (0 if kind == "file" else 8) for kind in now)


def descriptors(pid: int) -> Counter[str]:
    """How many of each kind a process has open: sockets, pipes, files of objects."""
    found: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        if "/objects" in target or "/tmp/" in target:
            found["file"] += 1
        elif target.startswith(("socket:", "pipe:")):
            found[target.partition(":")[0]] += 1
    return found


def objects(*nodes: int) -> list[ServerName]:
    return [ServerName("object", node) for node in nodes]


def store(cluster: Separate, client: Client, name: str) -> list[Path]:
    """Put the body; the files that hold it, primaries in order."""
    assert client.put(f"/c/{name}", BODY).status == 201
    partition, devices = cluster.ring("object").nodes(ACCOUNT, "c", name)
    digest = cluster.ring("object").hash_path.hex(ACCOUNT, "c", name)
    below = f"objects/{partition}/{digest[-3:]}/{digest}/*.data"
    nodes = [device.zone for device in devices]
    wait_for(lambda: all(cluster.files(node, below) for node in nodes), "three copies are there")
    return [cluster.files(node, below)[0] for node in nodes]


def killed(count: int) -> Callable[[Separate, list[Path]], None]:
    def kill(cluster: Separate, files: list[Path]) -> None:
        cluster.kill(*(server_of(cluster, path) for path in files[:count]))

    return kill


def restarted(count: int) -> Callable[[Separate, list[Path]], None]:
    """One after the other."""

    def restart(cluster: Separate, files: list[Path]) -> None:
        for path in files[:count]:
            cluster.kill(server_of(cluster, path))
            cluster.start(server_of(cluster, path))

    return restart


def server_of(cluster: Separate, path: Path) -> ServerName:
    node = path.relative_to(cluster.layout.root).parts[1].removeprefix("node")
    return ServerName("object", int(node))


def unlinked(cluster: Separate, files: list[Path]) -> None:
    for path in files:
        path.unlink()


def set_aside(cluster: Separate, files: list[Path]) -> None:
    for path in files:
        path.parent.rename(path.parent.with_name("elsewhere"))


def cut_short(count: int) -> Callable[[Separate, list[Path]], None]:
    def cut(cluster: Separate, files: list[Path]) -> None:
        for path in files[:count]:
            os.truncate(path, AHEAD)

    return cut


def rotten(count: int) -> Callable[[Separate, list[Path]], None]:
    def flip(cluster: Separate, files: list[Path]) -> None:
        for path in files[:count]:
            with path.open("r+b") as file:
                file.seek(AHEAD)
                file.write(bytes([BODY[AHEAD] ^ 1]))

    return flip


MENDED = {
    "two servers killed": killed(2),
    "two servers restarted": restarted(2),
    "files unlinked": unlinked,
    "files set aside": set_aside,
    "two files cut short": cut_short(2),
    "two files rotten": rotten(2),
}
HOPELESS = {
    "three servers killed": killed(3),
    "three servers restarted": restarted(3),  # a proxy may be there to see each of them go
    "three files cut short": cut_short(3),
    "three files rotten": rotten(3),
}


def read_while(
    cluster: Separate, client: Client, name: str, deed: Callable[[Separate, list[Path]], None]
) -> bytes:
    """What of an object arrives when something happens to it in the middle."""
    files = store(cluster, client, name)
    connection = client.open("GET", f"/c/{name}")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(BODY)))
    got = answer.read(READ)
    deed(cluster, files)
    try:
        got += answer.read()
    except http.client.IncompleteRead as error:
        got += error.partial
    except OSError:
        pass
    finally:
        connection.close()
    return got


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("deed", MENDED.values(), ids=[*MENDED])
def test_every_byte_arrives(
    cluster: Separate, client: Client, deed: Callable[[Separate, list[Path]], None]
) -> None:
    assert read_while(cluster, client, deed.__name__, deed) == BODY


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("deed", HOPELESS.values(), ids=[*HOPELESS])
def test_what_cannot_be_mended_breaks_off_before_a_wrong_byte(
    cluster: Separate, client: Client, deed: Callable[[Separate, list[Path]], None]
) -> None:
    got = read_while(cluster, client, f"hopeless-{deed.__name__}", deed)
    assert BODY.startswith(got)


@pytest.mark.usefixtures("held")
def test_clients_that_leave_in_the_middle(cluster: Separate, client: Client) -> None:
    store(cluster, client, "o")
    for _ in range(10):
        connection = client.open("GET", "/c/o")
        assert connection.getresponse().read(READ) == BODY[:READ]
        with abrupt(connection):
            pass
        connection = client.open("PUT", "/c/o", Content_Length=str(len(BODY)))
        connection.send(bytes(4 * READ))
        with abrupt(connection):
            pass
    assert client.get("/c/o").body == BODY


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("count", [1, 2])
def test_servers_killed_in_the_middle_of_an_upload(
    cluster: Separate, client: Client, count: int
) -> None:
    name = f"upload-{count}"
    nodes = cluster.nodes_of("object", ACCOUNT, "c", name)
    connection = client.open("PUT", f"/c/{name}", Content_Length=str(len(BODY)))
    connection.send(BODY[:AHEAD])
    cluster.kill(*objects(*nodes[:count]))
    try:
        connection.send(BODY[AHEAD:])
        status = connection.getresponse().status
    except OSError:  # the proxy has given up before it was all sent
        status = 503
    connection.close()
    assert status == (201 if count == 1 else 503)
    cluster.start(*objects(*nodes[:count]))
    answer = client.get(f"/c/{name}")
    assert answer.body == BODY if count == 1 else answer.status == 404 or answer.body == BODY
