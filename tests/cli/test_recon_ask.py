"""How recon asks: in one piece, over connections that servers treat as they please."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swiftlite.cli.recon.ask import CLOCK, SERVER_TYPE, ask_all
from swiftlite.cli.recon.places import NoSuchPlace, servers
from swiftlite.ring import RingBuilder

Talk = Callable[[socket.socket, int], None]


@contextlib.contextmanager
def server(talk: Talk) -> Iterator[tuple[str, int]]:
    """talk: with a client, and the number of its connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        for number in range(1000):
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                talk(client, number)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def requests(client: socket.socket, count: int) -> list[str]:
    """The first lines of so many requests; fewer when the client ends."""
    received = b""
    while received.count(b"\r\n\r\n") < count:
        block = client.recv(65536)
        if not block:
            break
        received += block
    return [head.split(b"\r\n")[0].decode() for head in received.split(b"\r\n\r\n") if head]


def answer(body: bytes, *headers: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    lines = [version + b" 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_all_but_the_clock_go_out_together() -> None:
    seen: list[list[str]] = []

    def talk(client: socket.socket, number: int) -> None:
        seen.append(requests(client, 1))
        client.sendall(answer(b"17.5"))
        seen.append(requests(client, 3))
        for body in (b'{"a": 1}', b"[]"):
            client.sendall(answer(body))
        client.sendall(answer(b"", b"Server: object-server/1.2"))

    with server(talk) as address:
        found = ask_all([address], ["async", "unmounted", CLOCK, SERVER_TYPE], 5.0)
    assert seen == [
        ["GET /recon/time HTTP/1.1"],
        ["GET /recon/async HTTP/1.1", "GET /recon/unmounted HTTP/1.1", "OPTIONS / HTTP/1.1"],
    ]
    contents = {path: replies[0].content for path, replies in found.items()}
    assert contents == {
        "async": {"a": 1}, "unmounted": [], CLOCK: 17.5, SERVER_TYPE: "object-server",
    }  # fmt: skip
    assert list(found) == ["async", "unmounted", CLOCK, SERVER_TYPE]


@pytest.mark.parametrize("how", ["close", "1.0", "no length", "just so", "reset"])
def test_servers_that_close_after_each_answer_are_asked_again(how: str) -> None:
    bodies = {"GET /recon/a HTTP/1.1": b"1", "GET /recon/b HTTP/1.1": b"2",
              "GET /recon/time HTTP/1.1": b"3"}  # fmt: skip

    def talk(client: socket.socket, number: int) -> None:
        body = bodies[requests(client, 1)[0]]
        if how == "close":
            client.sendall(answer(body, b"Connection: close"))
        elif how == "1.0":
            client.sendall(answer(body, version=b"HTTP/1.0"))
        elif how == "just so":
            client.sendall(answer(body))
        elif how == "reset":  # what has not been read is thrown away
            client.sendall(answer(body))
            return
        else:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        client.shutdown(socket.SHUT_WR)
        requests(client, 1000)

    with server(talk) as address:
        found = ask_all([address], ["a", "b", CLOCK], 5.0)
    assert [found[path][0].content for path in ("a", "b", CLOCK)] == [1, 2, 3]


def test_what_was_answered_before_a_server_falls_silent_counts() -> None:
    over = threading.Event()

    def talk(client: socket.socket, number: int) -> None:
        requests(client, 3)
        client.sendall(answer(b"1"))
        over.wait(30)

    with server(talk) as address:
        found = ask_all([address], ["a", "b", "c"], 0.2)
        over.set()
    assert (found["a"][0].status, found["a"][0].content) == (200, 1)
    for path in ("b", "c"):
        reply = found[path][0]
        assert (reply.status, reply.content) == (-1, "no answer within 0.2 s")
        assert reply.url == f"http://127.0.0.1:{address[1]}/recon/{path}"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "this is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "ended within an answer"),
        (b"HTTP/1.1 200 OK\r\n", "ended before an answer"),
        (b"HTTP/1.1 two OK\r\n\r\n", "invalid literal"),
        (answer(b"{"), "Expecting"),
        (b"", "ended before an answer"),
    ],
)
def test_what_is_no_answer_is_told(said: bytes, why: str) -> None:
    def talk(client: socket.socket, number: int) -> None:
        requests(client, 1)
        client.sendall(said)

    with server(talk) as address:
        (reply,) = ask_all([address], ["a"], 5.0)["a"]
    assert reply.status == -1
    assert why in reply.content


def test_nobody_there() -> None:
    (reply,) = ask_all([("127.0.0.1", 1)], ["a"], 5.0)["a"]
    assert (reply.status, reply.content) == (
        -1, "cannot connect to 127.0.0.1:1: Connection refused",
    )  # fmt: skip


def make_ring(path: Path, port: int) -> None:
    builder = RingBuilder.create(4, 1.0, 0)
    builder.add_device(zone=1, ip="127.0.0.1", port=port, device="d1", weight=1.0)
    builder.rebalance(0.0)
    builder.write_ring(str(path))


def test_object_servers_are_those_of_every_policy_or_of_one(tmp_path: Path) -> None:
    (tmp_path / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = x\n"
        "[storage-policy:0]\nname = gold\ndefault = yes\n"
        "[storage-policy:12]\nname = silver\naliases = argent\n# [storage-policy:3]\n"
    )
    make_ring(tmp_path / "object.ring.gz", 1)
    make_ring(tmp_path / "object-12.ring.gz", 2)
    make_ring(tmp_path / "object-3.ring.gz", 3)  # of no policy

    def ports(policy: str | None) -> list[int]:
        found = servers("object", str(tmp_path), policy=policy, region=None, zone=None)
        return [port for _, port in found]

    assert ports(None) == [1, 2]
    assert ports("0") == [1]
    assert ports("ARGENT") == ports("12") == [2]
    (tmp_path / "object-12.ring.gz").unlink()
    with pytest.raises(NoSuchPlace, match="object-12"):
        ports(None)
    (tmp_path / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    assert ports(None) == [1]
