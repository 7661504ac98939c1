"""What is asked of an rsync daemon, and how its answers are understood."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from swiftlite.cli.doctor import rsync_module
from swiftlite.cli.doctor.rsync_module import ModuleFault, ask_module

Serve = Callable[[bytes, bytes], list[bytes]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A daemon that greets, hears which module is wanted (it tells by the list), and answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(rsync_module, "PORT", listener.getsockname()[1])
    threads = []

    def start(greeting: bytes, answer: bytes) -> list[bytes]:
        heard: list[bytes] = []

        def work() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as lines:
                lines.write(greeting)
                lines.flush()
                heard.extend((lines.readline(), lines.readline()))
                if heard[0].startswith(b"@RSYNCD: "):
                    lines.write(answer)
                    lines.flush()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return heard

    yield start
    for thread in threads:
        thread.join()
    listener.close()


GREETING = b"@RSYNCD: 31.0 sha512 md5\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"@RSYNCD: OK\n",
        b"Welcome\n\n@RSYNCD: AUTHREQD x\n",
        b"@ERROR: max connections (8) reached -- try again later\n",
        b"@ERROR: access denied to object from here (192.0.2.1)\n",
    ],
)
def test_a_module_that_is_there(serve: Serve, answer: bytes) -> None:
    heard = serve(GREETING, answer)
    ask_module("127.0.0.1", "object", 5.0)
    assert heard[1] == b"object\n"


def test_a_module_that_is_not(serve: Serve) -> None:
    serve(GREETING, b"@ERROR: Unknown module 'object'\n")
    with pytest.raises(ModuleFault, match="Unknown module"):
        ask_module("127.0.0.1", "object", 5.0)


@pytest.mark.parametrize(("greeting", "answer"), [(b"HTTP/1.1 400\n", b""), (GREETING, b"")])
def test_something_else_at_its_port(serve: Serve, greeting: bytes, answer: bytes) -> None:
    serve(greeting, answer)
    with pytest.raises(OSError, match=r"something else|hung up"):
        ask_module("127.0.0.1", "object", 5.0)


def test_nobody_at_its_port(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(rsync_module, "PORT", listener.getsockname()[1])
    with pytest.raises(OSError, match="refused"):
        ask_module("127.0.0.1", "object", 5.0)
