"""Sockets beside ports: for one user of one host, and for as long as somebody listens."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.host.local_socket import local_name, local_names
from swiftlite.host.net import ConnectFailed, PeerGone, Stream, render_address
from swiftlite.host.tasks import Task

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def name() -> str:
    return local_name("127.0.0.1", os.getpid(), os.geteuid())


def as_nobody(work: Callable[[], int]) -> int:
    """Start something in a process of another user, which exits with what it gives; the pid."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(NOBODY)
            os._exit(work())
        finally:
            os._exit(99)
    return pid


def end_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_names_tell_address_port_and_user() -> None:
    user = os.geteuid()
    assert local_names("10.0.0.1", 6200) == (
        f"\0swiftlite/{user}/10.0.0.1/6200",
        f"\0swiftlite/{user}/*/6200",
    )
    assert local_name("0.0.0.0", 1, 2) == local_name("::", 1, 2) == "\0swiftlite/2/*/1"
    assert render_address("\0swiftlite/0/*/6200") == "@swiftlite/0/*/6200"


def test_a_name_ends_with_its_listener_and_can_be_taken_at_once(host: Host, name: str) -> None:
    first = host.net.listen(name)
    assert first.address == name
    with pytest.raises(OSError) as taken:  # noqa: PT011  # looked at below
        host.net.listen(name)
    assert taken.value.errno == errno.EADDRINUSE
    host.net.connect(name, 5).close()
    first.close()
    with pytest.raises(ConnectFailed):
        host.net.connect(name, 5)
    host.net.listen(name).close()


@as_root
def test_a_client_of_another_user_is_shown_the_door_and_the_next_is_served(
    host: Host, name: str
) -> None:
    listener = host.net.listen(name)
    accepted: Task[Stream] = host.tasks.spawn(listener.accept)

    def knock() -> int:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(name)
            os.write(told, b"!")
            return len(client.recv(1))  # nothing, once it has been closed

    heard, told = os.pipe()
    pid = as_nobody(knock)
    os.read(heard, 1)
    ours = host.net.connect(name, 5)
    stream = accepted.wait(host.clock.monotonic() + 20)
    ours.send_all(b"ours")
    assert stream.recv(10) == b"ours"
    assert end_of(pid) == 0
    for end in (ours, stream, listener):
        end.close()
    for fd in (heard, told):
        os.close(fd)


@as_root
def test_nothing_is_said_to_a_listener_of_another_user(host: Host, name: str) -> None:
    ready, end = os.pipe(), os.pipe()

    def squat() -> int:
        with socket.socket(socket.AF_UNIX) as squatter:
            squatter.bind(name)
            squatter.listen()
            os.write(ready[1], b"!")
            os.read(end[0], 1)
            with squatter.accept()[0] as client:
                return len(client.recv(1))  # it was closed without a word

    pid = as_nobody(squat)
    os.read(ready[0], 1)
    with pytest.raises(ConnectFailed, match="another user"):
        host.net.connect(name, 5)
    os.write(end[1], b"!")
    assert end_of(pid) == 0
    for fd in (*ready, *end):
        os.close(fd)


def test_many_megabytes_pass_a_stream_that_is_told_of_room_only_when_it_waits(
    host: Host, name: str
) -> None:
    listener = host.net.listen(name)
    sender = host.net.connect(name, 5)
    receiver = listener.accept()
    listener.close()
    for stream in (sender, receiver):
        stream.deadline = host.clock.monotonic() + 60
    block = os.urandom(3_000_001)
    sending = [host.tasks.spawn(send, sender, block, 4), host.tasks.spawn(send, receiver, block, 4)]
    assert receive(sender) == receive(receiver) == block * 4
    for task in sending:
        task.wait()
    sender.close()
    receiver.close()


def send(stream: Stream, block: bytes, times: int) -> None:
    for _ in range(times):
        stream.send_all(block)
    stream.shutdown_sending()


def receive(stream: Stream) -> bytes:
    found = bytearray()
    while data := stream.recv(65536):
        found += data
    return bytes(found)


def test_a_writer_that_waits_hears_that_its_peer_has_gone(host: Host, name: str) -> None:
    listener = host.net.listen(name)
    sender = host.net.connect(name, 5)
    receiver = listener.accept()
    listener.close()
    sending = host.tasks.spawn(send, sender, bytes(10_000_000), 1)
    host.tasks.sleep(0)
    receiver.close()
    with pytest.raises(PeerGone):
        sending.wait(host.clock.monotonic() + 20)
    sender.close()


def test_a_server_may_have_more_in_flight_than_the_system_gives_by_itself(
    host: Host, name: str
) -> None:
    listener = host.net.listen(name)
    client = host.net.connect(name, 1.0)
    served = listener.accept()
    room = []
    for stream in (client, served):
        raw = socket.socket(fileno=os.dup(stream.fileno()))
        room.append(raw.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        raw.close()
    assert room[1] > room[0]
    for end in (client, served, listener):
        end.close()
