"""Contracts of a host, on the production one and, where it applies, on the plain one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftlite.host import green, green_tasks, plain
from swiftlite.host.bundle import Host
from swiftlite.host.net import (
    Address,
    ConnectFailed,
    DeadlinePassed,
    FileSpan,
    PeerGone,
    Stream,
    render_address,
)
from swiftlite.host.tasks import TaskKilled

SHORT = 0.15
LOOPBACK = ("127.0.0.1", 0)


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.fixture(params=["green", "plain"])
def any_host(request: pytest.FixtureRequest, host: Host) -> Host:
    return host if request.param == "green" else plain.make_host()


@pytest.fixture(params=["tcp", "tcp6", "unix"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    addresses: dict[str, Address] = {
        "tcp": LOOPBACK,
        "tcp6": ("::1", 0),
        "unix": str(tmp_path / "socket"),
    }
    return addresses[request.param]


def pair(host: Host, address: Address = LOOPBACK) -> tuple[Stream, Stream]:
    """Both ends of a connection."""
    listener = host.net.listen(address)
    client = host.net.connect(listener.address, 5)
    server = listener.accept()
    listener.close()
    for stream in (client, server):
        stream.deadline = host.clock.monotonic() + 20
    return client, server


# Streams


def test_bytes_arrive(any_host: Host, address: Address) -> None:
    client, server = pair(any_host, address)
    client.send_all(b"hello")
    assert server.recv(100) == b"hello"
    server.send_all(memoryview(b"one"), more=True)
    server.send_all(bytearray(b"two"))
    view = memoryview(bytearray(10))
    got = b""
    while len(got) < 6:
        got += bytes(view[: client.recv_into(view)])
    assert got == b"onetwo"
    client.close()
    assert server.recv(10) == b""
    assert server.recv(10) == b""
    server.close()
    server.close()


def test_an_end_right_behind_data_is_not_missed(host: Host, address: Address) -> None:
    for _ in range(50):
        client, server = pair(host, address)
        client.send_all(b"last words")
        client.close()
        host.tasks.sleep(0)
        assert server.recv(100) == b"last words"
        assert server.recv(100) == b""
        server.close()


def test_half_closing(any_host: Host) -> None:
    client, server = pair(any_host)
    client.send_all(b"question")
    client.shutdown_sending()
    assert server.recv(100) == b"question"
    assert server.recv(100) == b""
    server.send_all(b"answer")
    assert client.recv(100) == b"answer"
    client.close()
    server.close()


def test_much_data_waits_for_its_reader(host: Host, address: Address) -> None:
    client, server = pair(host, address)
    data = os.urandom(5_000_000)
    sender = host.tasks.spawn(client.send_all, data)
    got = bytearray()
    while len(got) < len(data):
        got += server.recv(65536)
    sender.wait()
    assert got == data
    client.close()
    server.close()


@pytest.mark.parametrize(("offset", "count"), [(0, 3_000_000), (10, 5), (2_999_999, 1), (0, 0)])
def test_files_are_sent(
    host: Host, address: Address, tmp_path: Path, offset: int, count: int
) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(data)
    client, server = pair(host, address)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    sender = host.tasks.spawn(FileSpan(fd, offset, count).send_to, client)
    got = bytearray()
    while len(got) < count:
        got += server.recv(65536)
    assert sender.wait() == count
    assert got == data[offset : offset + count]
    os.close(fd)
    client.close()
    server.close()


def test_a_file_shorter_than_believed_is_told(any_host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"short")
    client, server = pair(any_host)
    with (tmp_path / "file").open("rb") as file:
        assert client.send_file(file.fileno(), 2, 100) == 3
    assert server.recv(100) == b"ort"
    client.close()
    server.close()


def test_a_stream_knows_its_ends(host: Host, address: Address) -> None:
    listener = host.net.listen(address)
    client = host.net.connect(listener.address, 5)
    server = listener.accept()
    assert client.peer == listener.address
    if isinstance(address, str):
        assert server.peer == ""
    else:
        assert server.peer[0] == address[0]
    assert client.fileno() != server.fileno()
    for one in (client, server, listener):
        one.close()


def test_writing_to_a_closed_peer_fails(any_host: Host, address: Address) -> None:
    client, server = pair(any_host, address)
    server.close()
    with pytest.raises(PeerGone):
        send_much(client)
    client.close()


def test_a_closed_stream_is_gone(any_host: Host) -> None:
    client, server = pair(any_host)
    client.close()
    with pytest.raises(PeerGone):
        client.recv(1)
    with pytest.raises(PeerGone):
        client.send_all(b"x")
    server.close()


def test_closing_wakes_who_reads_and_who_writes(host: Host) -> None:
    client, server = pair(host)
    reader = host.tasks.spawn(client.recv, 10)
    writer = host.tasks.spawn(client.send_all, b"x" * 20_000_000)
    host.tasks.sleep(0.02)
    client.close()
    for task in (reader, writer):
        with pytest.raises(PeerGone):
            task.wait()
    server.close()


def test_quiet_tells_whether_anything_came(any_host: Host) -> None:
    client, server = pair(any_host)
    assert client.quiet()
    server.send_all(b"x")
    end = any_host.clock.monotonic() + 10
    while client.quiet():
        assert any_host.clock.monotonic() < end
        any_host.tasks.sleep(0.001)
    assert client.recv(10) == b"x"
    assert client.quiet()
    server.close()
    while client.quiet():
        assert any_host.clock.monotonic() < end
        any_host.tasks.sleep(0.001)
    client.close()


def send_much(stream: Stream) -> None:
    for _ in range(1000):
        stream.send_all(b"x" * 65536)


@pytest.mark.parametrize("kind", ["recv", "recv_into"])
def test_a_stream_that_is_always_ready_lets_others_run(host: Host, kind: str) -> None:
    client, server = pair(host)
    other = host.tasks.spawn(host.clock.monotonic)
    data = b"x" * 1000
    client.readable = True  # type: ignore[attr-defined]  # as if it never ran dry
    client._recv = lambda n: data  # type: ignore[attr-defined]
    client._recv_into = lambda view: len(data)  # type: ignore[attr-defined]
    view = memoryview(bytearray(1000))
    for _ in range(100):
        if kind == "recv":
            client.recv(1000)
        else:
            client.recv_into(view)
    assert other.done
    client.close()
    server.close()


# Deadlines


def test_a_read_ends_at_its_deadline(any_host: Host) -> None:
    client, server = pair(any_host)
    began = any_host.clock.monotonic()
    client.deadline = began + SHORT
    with pytest.raises(DeadlinePassed):
        client.recv(1)
    assert any_host.clock.monotonic() - began >= SHORT
    client.deadline = None
    server.send_all(b"x")
    assert client.recv(1) == b"x"  # the stream is as good as before
    client.close()
    server.close()


def test_a_pause_ends_when_it_is_too_long(any_host: Host) -> None:
    client, server = pair(any_host)
    client.deadline = None
    client.idle_s = SHORT
    with pytest.raises(DeadlinePassed):
        client.recv(1)
    client.close()
    server.close()


def test_a_write_ends_at_its_deadline(host: Host) -> None:
    client, server = pair(host)
    client.deadline = host.clock.monotonic() + SHORT
    with pytest.raises(DeadlinePassed):
        client.send_all(b"x" * 50_000_000)
    client.close()
    server.close()


def test_progress_renews_the_patience(host: Host) -> None:
    client, server = pair(host)
    client.deadline = None
    client.idle_s = 0.5

    def trickle() -> None:
        for _ in range(8):
            host.tasks.sleep(0.1)
            server.send_all(b"x")

    task = host.tasks.spawn(trickle)
    for _ in range(8):
        assert client.recv(1) == b"x"
    task.wait()
    client.close()
    server.close()


def test_deadlines_of_others_do_not_matter(host: Host) -> None:
    client, server = pair(host)
    other, other_server = pair(host)
    client.deadline = None
    other.deadline = host.clock.monotonic() + SHORT
    patient = host.tasks.spawn(client.recv, 1)
    with pytest.raises(DeadlinePassed):
        other.recv(1)
    server.send_all(b"y")
    assert patient.wait() == b"y"
    for stream in (client, server, other, other_server):
        stream.close()


# Connecting and listening


def test_a_refused_connection(any_host: Host, tmp_path: Path) -> None:
    listener = any_host.net.listen(LOOPBACK)
    address = listener.address
    listener.close()
    for target in (address, str(tmp_path / "nothing")):
        with pytest.raises(ConnectFailed) as caught:
            any_host.net.connect(target, 5)
        assert caught.value.address == target
        assert render_address(target) in str(caught.value)


def test_a_name_that_nobody_knows(any_host: Host) -> None:
    with pytest.raises(ConnectFailed):
        any_host.net.connect(("no-such-host.invalid", 1), 5)


def test_a_connection_by_name(any_host: Host) -> None:
    listener = any_host.net.listen(LOOPBACK)
    assert not isinstance(listener.address, str)
    any_host.net.connect(("localhost", listener.address[1]), 5).close()
    listener.close()


def test_many_connections_at_once_with_failures_as_values(any_host: Host) -> None:
    listener = any_host.net.listen(LOOPBACK)
    dead = any_host.net.listen(LOOPBACK)
    dead_address = dead.address
    dead.close()
    found = any_host.net.connect_many([listener.address, dead_address, listener.address], 5)
    assert isinstance(found[1], ConnectFailed)
    for stream in (found[0], found[2]):
        assert not isinstance(stream, ConnectFailed | DeadlinePassed)
        stream.close()
    listener.close()


def test_waiting_for_any_of_several(any_host: Host) -> None:
    pairs = [pair(any_host) for _ in range(3)]
    clients = [client for client, _ in pairs]
    with pytest.raises(DeadlinePassed):
        any_host.net.wait_any(clients, any_host.clock.monotonic() + SHORT)
    pairs[1][1].send_all(b"x")
    assert any_host.net.wait_any(clients, any_host.clock.monotonic() + 20) is clients[1]
    assert clients[1].recv(5) == b"x"
    pairs[2][1].close()
    assert any_host.net.wait_any(clients, any_host.clock.monotonic() + 20) is clients[2]
    for client, server in pairs:
        client.close()
        server.close()


def test_waiting_for_any_leaves_no_trace(host: Host) -> None:
    (one, far), (other, other_far) = pair(host), pair(host)
    far.send_all(b"1")
    assert host.net.wait_any([one, other], host.clock.monotonic() + 20) is one
    assert one.recv(1) == b"1"
    reader = host.tasks.spawn(other.recv, 1)
    other_far.send_all(b"2")
    assert reader.wait() == b"2"
    for stream in (one, far, other, other_far):
        stream.close()


def test_closing_a_listener_ends_accept(host: Host) -> None:
    listener = host.net.listen(LOOPBACK)
    accepting = host.tasks.spawn(listener.accept)
    host.tasks.sleep(0)
    listener.close()
    with pytest.raises(PeerGone):
        accepting.wait()
    with pytest.raises(PeerGone):
        listener.accept()


def test_a_port_in_use_is_an_os_error(any_host: Host) -> None:
    listener = any_host.net.listen(LOOPBACK)
    with pytest.raises(OSError, match="in use"):
        any_host.net.listen(listener.address)
    listener.close()


def test_reuse_port_lets_two_listen(any_host: Host) -> None:
    first = any_host.net.listen(LOOPBACK, reuse_port=True)
    second = any_host.net.listen(first.address, reuse_port=True)
    assert first.address == second.address
    first.close()
    second.close()


def test_a_dead_socket_file_is_replaced_a_live_one_is_not(any_host: Host, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    any_host.net.listen(path).close()
    listener = any_host.net.listen(path)
    with pytest.raises(OSError, match="in use"):
        any_host.net.listen(path)
    listener.close()


def test_a_listener_may_be_adopted(any_host: Host) -> None:
    listener = any_host.net.listen(LOOPBACK)
    adopted = any_host.net.adopt_listener(os.dup(listener.fileno()))
    listener.close()
    client = any_host.net.connect(adopted.address, 5)
    accepted = adopted.accept()
    client.send_all(b"hello")
    assert accepted.recv(5) == b"hello"
    accepted.close()
    client.close()
    adopted.close()


# Tasks


def test_results_and_errors_come_back(any_host: Host) -> None:
    tasks = any_host.tasks
    assert tasks.spawn(lambda a, b: a + b, 1, 2).wait() == 3
    failing = tasks.spawn(int, "x")
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            failing.wait()
    assert failing.done


def test_offloaded_results_and_errors_come_back(any_host: Host) -> None:
    tasks = any_host.tasks
    assert tasks.offload("sda", len, b"abc") == 3
    with pytest.raises(ValueError, match="invalid literal"):
        tasks.offload("sda", int, "x")
    with pytest.raises(FileNotFoundError):
        tasks.offload("sda", os.stat, "/no/such/file")


def test_tasks_take_turns(host: Host) -> None:
    seen: list[str] = []

    def work(name: str) -> None:
        for _ in range(3):
            seen.append(name)
            host.tasks.sleep(0)

    for task in [host.tasks.spawn(work, name) for name in "ab"]:
        task.wait()
    assert "".join(seen) == "ababab"


def test_waiting_for_a_task_has_a_deadline(host: Host) -> None:
    gate = host.tasks.event()
    task = host.tasks.spawn(gate.wait)
    with pytest.raises(DeadlinePassed):
        task.wait(host.clock.monotonic() + SHORT)
    assert not task.done
    gate.set("late")
    assert task.wait() == "late"


@pytest.mark.parametrize("where", ["sleep", "event", "stream", "lock", "offload"])
def test_a_task_can_be_killed_wherever_it_waits(host: Host, where: str) -> None:
    client, server = pair(host)
    lock = host.tasks.lock()
    lock.acquire()
    free = threading.Event()
    cleaned: list[str] = []

    def wait() -> None:
        try:
            if where == "sleep":
                host.tasks.sleep(100)
            elif where == "event":
                host.tasks.event().wait()
            elif where == "stream":
                client.recv(1)
            elif where == "lock":
                lock.acquire()
            else:
                host.tasks.offload("sda", free.wait, 20)
        finally:
            cleaned.append(where)

    task = host.tasks.spawn(wait)
    host.tasks.sleep(0)
    task.kill()
    with pytest.raises(TaskKilled):
        task.wait(host.clock.monotonic() + 20)
    assert cleaned == [where]
    free.set()
    lock.release()
    lock.acquire(host.clock.monotonic())  # the dead task holds no place in the queue
    server.send_all(b"x")
    assert client.recv(1) == b"x"
    client.close()
    server.close()


def test_a_task_killed_before_it_starts_never_does(host: Host) -> None:
    ran: list[int] = []
    task = host.tasks.spawn(ran.append, 1)
    task.kill()
    with pytest.raises(TaskKilled):
        task.wait()
    host.tasks.sleep(0)
    assert ran == []


def test_an_event_wakes_all_and_keeps_its_first_value(host: Host) -> None:
    event = host.tasks.event()
    waiting = [host.tasks.spawn(event.wait) for _ in range(3)]
    host.tasks.sleep(0)
    assert not event.is_set
    event.set(1)
    event.set(2)
    assert [task.wait() for task in waiting] == [1, 1, 1]
    assert event.wait() == 1


def test_an_event_that_never_comes(any_host: Host) -> None:
    with pytest.raises(DeadlinePassed):
        any_host.tasks.event().wait(any_host.clock.monotonic() + SHORT)


def test_an_event_may_be_set_by_a_signal(any_host: Host) -> None:
    """In the middle of the loop's sleep, which must not go on then."""
    event = any_host.tasks.event()
    before = signal.signal(signal.SIGUSR2, lambda *_: event.set("signal"))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2))
    try:
        timer.start()
        assert event.wait(any_host.clock.monotonic() + 20) == "signal"
    finally:
        timer.join()
        signal.signal(signal.SIGUSR2, before)


def test_a_lock_is_held_by_one_and_given_on_in_order(host: Host) -> None:
    lock = host.tasks.lock()
    order: list[int] = []

    def work(number: int) -> None:
        with lock:
            order.append(number)
            host.tasks.sleep(0)
            order.append(number)

    for task in [host.tasks.spawn(work, number) for number in range(4)]:
        task.wait()
    assert order == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_lock_can_be_waited_for_until_a_deadline(any_host: Host) -> None:
    lock = any_host.tasks.lock()
    with lock, pytest.raises(DeadlinePassed):
        lock.acquire(any_host.clock.monotonic() + SHORT)
    with lock:
        pass


def test_a_semaphore_has_n_places(host: Host) -> None:
    semaphore = host.tasks.semaphore(2)
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        with semaphore:
            inside += 1
            most = max(most, inside)
            host.tasks.sleep(0)
            inside -= 1

    for task in [host.tasks.spawn(work) for _ in range(6)]:
        task.wait()
    assert most == 2


def test_tasks_have_different_ids(host: Host) -> None:
    mine = host.tasks.current_id()
    assert host.tasks.spawn(host.tasks.current_id).wait() != mine
    assert host.tasks.current_id() == mine


def test_an_error_nobody_waits_for_is_shown(
    host: Host, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(green_tasks, "LOST_AFTER_S", 0.02)
    host.tasks.spawn(int, "lost error")
    waited = host.tasks.spawn(int, "seen error")
    with pytest.raises(ValueError, match="seen error"):
        waited.wait()
    host.tasks.sleep(0.05)
    shown = capfd.readouterr().err
    assert "lost error" in shown
    assert "seen error" not in shown


# Native threads


def test_offloaded_work_does_not_stop_the_loop(host: Host) -> None:
    gate = threading.Event()
    task = host.tasks.spawn(host.tasks.offload, "sda", gate.wait, 20)
    host.tasks.sleep(0)
    assert host.tasks.offload("sda", len, b"meanwhile") == 9
    gate.set()
    assert task.wait() is True


def test_one_key_cannot_take_all_threads() -> None:
    host = green.make_host(threads=4, threads_per_key=2)
    gate = threading.Event()
    stuck = [host.tasks.spawn(host.tasks.offload, "bad", gate.wait, 20) for _ in range(10)]
    host.tasks.sleep(0)
    assert host.tasks.offload("good", len, b"abc") == 3
    gate.set()
    assert all(task.wait() for task in stuck)


def test_stuck_threads_are_replaced() -> None:
    host = green.make_host(threads=2, threads_per_key=2)
    gate = threading.Event()
    stuck = [host.tasks.spawn(host.tasks.offload, key, gate.wait, 20) for key in "aabb"]
    host.tasks.sleep(1.05)  # what STUCK_AFTER_S is about
    assert host.tasks.offload("c", len, b"abc") == 3
    gate.set()
    assert all(task.wait() for task in stuck)


def test_jobs_of_one_key_keep_their_order(host: Host) -> None:
    single = green.make_host(threads=1, threads_per_key=1)
    seen: list[int] = []
    for task in [single.tasks.spawn(single.tasks.offload, "k", seen.append, i) for i in range(20)]:
        task.wait()
    assert seen == list(range(20))


def test_offloaded_code_may_sleep(host: Host) -> None:
    assert host.tasks.offload("sda", lambda: host.tasks.sleep(0.01)) is None


# Beside foreign code


@pytest.mark.filterwarnings("ignore:Using fork")
def test_a_forked_child_has_a_loop_of_its_own(host: Host) -> None:
    listener = host.net.listen(LOOPBACK)
    client, server = pair(host)
    assert host.tasks.offload("sda", len, b"threads exist here") == 18
    pid = os.fork()
    if pid == 0:
        try:
            stream = listener.accept()
            assert host.tasks.offload("sda", len, b"abc") == 3
            stream.send_all(stream.recv(10).upper())
            assert host.tasks.spawn(len, b"").wait() == 0
            stream.close()
        except BaseException:
            os._exit(1)
        os._exit(0)
    far = host.net.connect(listener.address, 5)
    far.send_all(b"child")
    assert far.recv(10) == b"CHILD"
    assert os.waitpid(pid, 0)[1] == 0
    client.send_all(b"parent")
    assert server.recv(10) == b"parent"
    for stream in (client, server, far):
        stream.close()
    listener.close()


def test_green_libraries_keep_working(host: Host) -> None:
    import eventlet
    import eventlet.queue
    from eventlet.green import socket as green_socket

    listener = host.net.listen(LOOPBACK)
    echo = host.tasks.spawn(lambda: _echo_once(listener.accept()))
    sock = green_socket.create_connection(listener.address)
    sock.sendall(b"green")
    assert sock.recv(10) == b"GREEN"
    echo.wait()
    sock.close()
    listener.close()
    queue: Any = eventlet.queue.Queue()
    eventlet.spawn(lambda: (eventlet.sleep(0.01), queue.put(5)))
    assert queue.get(timeout=20) == 5
    client, server = pair(host)
    client.deadline = None
    with eventlet.Timeout(0.05, False):
        client.recv(1)
    server.send_all(b"x")
    assert client.recv(1) == b"x"
    client.close()
    server.close()


def _echo_once(stream: Stream) -> None:
    stream.send_all(stream.recv(100).upper())
    stream.close()


def test_importing_the_green_host_warns_nobody() -> None:
    import subprocess
    import sys

    script = (
        "import warnings; warnings.simplefilter('error')\n"
        "from swiftlite.host import green; h = green.make_host()\n"
        "assert h.tasks.spawn(len, b'abc').wait() == 3\n"
        "warnings.simplefilter('default'); warnings.warn('still shown', DeprecationWarning)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "still shown" in done.stderr
    assert "ventlet" not in done.stderr


def test_an_interrupt_reaches_the_main_task() -> None:
    """A signal handler that raises ends the wait of the main greenlet, as without a loop."""
    host = green.make_host()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR2, interrupt)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            host.tasks.event().wait(host.clock.monotonic() + 20)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR2, before)
    assert host.tasks.spawn(len, b"abc").wait() == 3  # the loop lives on


Make = Callable[[], Host]


@pytest.mark.parametrize("make", [green.make_host, plain.make_host])
def test_clock_and_entropy(make: Make) -> None:
    host = make()
    assert host.clock.monotonic() <= host.clock.monotonic()
    assert host.clock.wall() > 1_600_000_000
    entropy = host.entropy
    assert len(entropy.bytes(5)) == 5
    assert len(entropy.hex(5)) == 10
    assert 0 <= entropy.random() < 1
    items = list(range(100))
    entropy.shuffle(items)
    assert sorted(items) == list(range(100))
    uuid = entropy.uuid_hex()
    assert len(uuid) == 32
    assert uuid[12] == "4"
    assert uuid[16] in "89ab"
    assert uuid != entropy.uuid_hex()
