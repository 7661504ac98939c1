"""The host without a loop, for tools and for processes that only wait for children.

Tasks run when they are spawned, offloaded work runs in place, streams block. What could only be
answered by another task (an event nobody has set) is a mistake here, and says so.
"""

from __future__ import annotations

import _socket
import contextlib
import os
import select
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from swiftlite.host.bundle import Host
from swiftlite.host.conduit import CopyConduit
from swiftlite.host.entropy import OsEntropy
from swiftlite.host.helper import InPlace
from swiftlite.host.net import (
    Address,
    Bytes,
    ConnectFailed,
    DeadlinePassed,
    PeerGone,
    Stream,
    wait_for_each,
)
from swiftlite.host.os_clock import OsClock, monotonic, sleep
from swiftlite.host.os_disk import OsDisk
from swiftlite.host.os_process import OsProcess
from swiftlite.host.sockets import (
    RawSocket,
    adopt,
    gone,
    is_literal,
    open_client,
    open_listening,
    own_address,
    resolve,
)

T = TypeVar("T")


class PlainTask(Generic[T]):
    """A task that has already ended."""

    done = True

    def __init__(self, fn: Callable[..., T], args: tuple[object, ...]) -> None:
        self._error: Exception | None = None
        try:
            self._result = fn(*args)
        except Exception as error:
            self._error = error

    def wait(self, deadline: float | None = None) -> T:
        if self._error is not None:
            raise self._error
        return self._result

    def kill(self) -> None:
        pass


class PlainSemaphore:
    def __init__(self, n: int) -> None:
        self._free = n

    def acquire(self, deadline: float | None = None) -> None:
        if self._free == 0:
            raise DeadlinePassed("held by the only task there is")
        self._free -= 1

    def release(self) -> None:
        self._free += 1

    def __enter__(self) -> PlainSemaphore:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class PlainEvent:
    def __init__(self) -> None:
        self.is_set = False
        self._value: Any = None

    def set(self, value: object = None) -> None:
        """Also from a signal handler."""
        if not self.is_set:
            self._value = value
            self.is_set = True

    def wait(self, deadline: float | None = None) -> Any:  # noqa: ANN401 - what set() was given
        while not self.is_set:  # only a signal handler can set it
            if deadline is not None and monotonic() >= deadline:
                raise DeadlinePassed("the event was not set in time")
            sleep(0.05)
        return self._value


class PlainTasks:
    """host.tasks.Tasks."""

    def __init__(self) -> None:
        self.sleep = sleep

    def spawn(self, fn: Callable[..., T], *args: object) -> PlainTask[T]:
        return PlainTask(fn, args)

    def offload(self, key: str, fn: Callable[..., T], *args: object) -> T:
        return fn(*args)

    def helper(self) -> InPlace:
        return InPlace()

    def lock(self) -> PlainSemaphore:
        return PlainSemaphore(1)

    def semaphore(self, n: int) -> PlainSemaphore:
        return PlainSemaphore(n)

    def event(self) -> PlainEvent:
        return PlainEvent()

    def current_id(self) -> int:
        return 0


class PlainStream:
    """host.net.Stream over a blocking socket."""

    def __init__(self, sock: RawSocket, peer: Address) -> None:
        self.deadline: float | None = None
        self.idle_s: float | None = None
        self.peer = peer
        self._sock = sock
        self._open = True

    def recv(self, n: int) -> bytes:
        return self._timed(self._sock.recv, n)

    def recv_into(self, view: memoryview) -> int:
        return self._timed(self._sock.recv_into, view)

    def send_all(self, data: Bytes, more: bool = False) -> None:
        flags = _socket.MSG_MORE | _socket.MSG_NOSIGNAL if more else _socket.MSG_NOSIGNAL
        rest = memoryview(data)
        while rest:
            rest = rest[self._timed(self._sock.send, rest, flags) :]

    def send_file(self, fd: int, offset: int, count: int) -> int:
        done = 0
        while done < count:
            data = os.pread(fd, min(count - done, 1 << 20), offset + done)
            if not data:
                break
            self.send_all(data)
            done += len(data)
        return done

    def quiet(self) -> bool:
        return self._open and not select.select([self._sock.fileno()], [], [], 0)[0]

    def shutdown_sending(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(_socket.SHUT_WR)

    def close(self) -> None:
        self._open = False
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def _timed(self, call: Callable[..., T], *args: object) -> T:
        if not self._open:
            raise PeerGone("closed here")
        limits = [] if self.idle_s is None else [self.idle_s]
        if self.deadline is not None:
            limits.append(self.deadline - monotonic())
        self._sock.settimeout(max(0.001, min(limits)) if limits else None)
        try:
            return call(*args)
        except TimeoutError:
            raise DeadlinePassed("the deadline has passed") from None
        except OSError as error:
            raise gone(error) from None


class PlainListener:
    """host.net.Listener over a blocking socket."""

    def __init__(self, sock: RawSocket) -> None:
        self.address = own_address(sock)
        self._sock = sock
        self._open = True

    def accept(self) -> PlainStream:
        if not self._open:
            raise PeerGone("the listener is closed")
        fd, peer = self._sock._accept()  # type: ignore[attr-defined]  # below socket.accept
        peer = "" if isinstance(peer, str | bytes) else (peer[0], peer[1])
        return PlainStream(adopt(fd, blocking=True), peer)

    def close(self) -> None:
        self._open = False
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()


class PlainNet:
    """host.net.Net."""

    def listen(
        self, address: Address, *, reuse_port: bool = False, backlog: int = 4096
    ) -> PlainListener:
        return PlainListener(
            open_listening(address, reuse_port=reuse_port, backlog=backlog, blocking=True)
        )

    def adopt_listener(self, fd: int) -> PlainListener:
        return PlainListener(adopt(fd, blocking=True))

    def connect(self, address: Address, timeout: float | None) -> PlainStream:
        target = address
        if not isinstance(address, str) and not is_literal(address):
            target = resolve(address)
        sock = open_client(target, blocking=True)
        sock.settimeout(timeout)
        try:
            sock.connect(target)
        except TimeoutError:
            sock.close()
            raise DeadlinePassed("no connection in time") from None
        except OSError as error:
            sock.close()
            raise ConnectFailed(address, os.strerror(error.errno or 0)) from None
        return PlainStream(sock, address)

    def connect_many(
        self, addresses: Sequence[Address], timeout: float | None
    ) -> list[Stream | ConnectFailed | DeadlinePassed]:
        outcome: list[Stream | ConnectFailed | DeadlinePassed] = []
        for address in addresses:
            try:
                outcome.append(self.connect(address, timeout))
            except (ConnectFailed, DeadlinePassed) as error:
                outcome.append(error)
        return outcome

    def wait_any(self, streams: Sequence[Stream], deadline: float | None) -> Stream:
        by_fd = {stream.fileno(): stream for stream in streams}
        timeout = None if deadline is None else max(0.0, deadline - monotonic())
        ready = select.select(list(by_fd), [], [], timeout)[0]
        if not ready:
            raise DeadlinePassed("nothing to read in time")
        return by_fd[ready[0]]

    def wait_all(self, streams: Sequence[Stream], deadline: float | None) -> bool:
        return wait_for_each(self, streams, deadline)

    def conduit(self, *, spliced: bool = True) -> CopyConduit:
        return CopyConduit()


def make_host() -> Host:
    return Host(
        clock=OsClock(),
        disk=OsDisk(),
        net=PlainNet(),
        tasks=PlainTasks(),
        entropy=OsEntropy(),
        process=OsProcess(),
    )
