"""Streams and listeners over raw non-blocking sockets and the loop's table.

A read or write is tried first and parks only when the kernel has nothing: the common case costs one
system call and no look at the clock.
"""

from __future__ import annotations

import _socket
import contextlib
import errno
import os
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from swiftlite.host.conduit import Conduit, CopyConduit
from swiftlite.host.local_socket import same_user
from swiftlite.host.loop import Endpoint, Loop, Waiter
from swiftlite.host.net import Address, Bytes, ConnectFailed, DeadlinePassed, PeerGone, Stream
from swiftlite.host.sockets import (
    RawSocket,
    accept_from,
    adopt,
    gone,
    is_literal,
    open_client,
    open_listening,
    own_address,
    resolve,
)
from swiftlite.host.splice import Pipes, SpliceConduit
from swiftlite.host.tasks import Tasks

# A peer on a fast link can keep a stream ready for ever, and with it everybody else waiting.
_READS_IN_A_ROW = 16  # without parking, then others get their turn
_SENDFILE_BYTES = 4 << 20  # per call (0.3 ms of CPU), and between two turns of others
PERHAPS = 2
_ACCEPT_PAUSE_S = 0.1  # when descriptors or memory ran out
_SPLICE = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


class GreenStream(Endpoint):
    """host.net.Stream, and the loop's endpoint in one object.

    `readable` is True when the loop has said so since the last read, and PERHAPS after a read that
    took all it asked for: then only the kernel knows.
    """

    __slots__ = (
        "_fd",
        "_local",
        "_loop",
        "_reads",
        "_recv",
        "_recv_into",
        "_send",
        "_sock",
        "deadline",
        "idle_s",
        "peer",
    )

    def __init__(self, loop: Loop, sock: RawSocket, peer: Address) -> None:
        super().__init__()
        self.deadline: float | None = None
        self.idle_s: float | None = None
        self.peer = peer
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._recv = sock.recv
        self._recv_into = sock.recv_into
        self._send = sock.send
        self._reads = 0  # since the last park
        # A unix socket tells of room whenever its peer has read, which would wake us for nothing.
        self._local = isinstance(peer, str)
        loop.watch(self._fd, self, room=not self._local)

    def recv(self, n: int) -> bytes:
        while True:
            if not self.readable:
                self._park_reader()
            try:
                data = self._recv(n)
            except BlockingIOError:
                self.readable = False
            except OSError as error:
                raise gone(error) from None
            else:
                if len(data) < n and not self.ended:
                    self.readable = False  # drained: whatever comes now is a new edge
                else:
                    self.readable = PERHAPS
                    self._take_turns()
                return data

    def recv_into(self, view: memoryview) -> int:
        while True:
            if not self.readable:
                self._park_reader()
            try:
                count = self._recv_into(view)
            except BlockingIOError:
                self.readable = False
            except OSError as error:
                raise gone(error) from None
            else:
                if count < len(view) and not self.ended:
                    self.readable = False
                else:
                    self.readable = PERHAPS
                    self._take_turns()
                return count

    def send_all(self, data: Bytes, more: bool = False) -> None:
        flags = _socket.MSG_MORE | _socket.MSG_NOSIGNAL if more else _socket.MSG_NOSIGNAL
        try:
            sent = self._send(data, flags)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise gone(error) from None
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:], flags)

    def _send_rest(self, rest: memoryview, flags: int) -> None:
        while rest:
            try:
                sent = self._send(rest, flags)
            except BlockingIOError:
                self._park_writer()
            except OSError as error:
                raise gone(error) from None
            else:
                rest = rest[sent:]

    def send_file(self, fd: int, offset: int, count: int) -> int:
        done = 0
        while done < count:
            try:
                sent = os.sendfile(self._fd, fd, offset + done, min(count - done, _SENDFILE_BYTES))
            except BlockingIOError:
                self._park_writer()
            except OSError as error:
                raise gone(error) from None
            else:
                if sent == 0:  # the file is shorter than its reader believed
                    break
                done += sent
                if sent == _SENDFILE_BYTES:
                    self._let_others_run()
        return done

    def splice_to(self, pipe: int, count: int) -> int:
        """Move some bytes, at most count, into an empty pipe; 0 at the end of the stream."""
        while True:
            if not self.readable:
                self._park_reader()
            try:
                moved = os.splice(self._fd, pipe, count, flags=_SPLICE)
            except BlockingIOError:
                self.readable = False
            except OSError as error:
                raise gone(error) from None
            else:
                self.readable = PERHAPS  # few bytes may mean that the pipe is full
                self._take_turns()
                return moved

    def splice_from(self, pipe: int, count: int) -> None:
        """Send what a pipe holds, all of its count bytes."""
        while count:
            try:
                count -= os.splice(pipe, self._fd, count, flags=_SPLICE)
            except BlockingIOError:
                self._park_writer()
            except OSError as error:
                raise gone(error) from None

    def quiet(self) -> bool:
        if not self.readable:
            return True
        if self.readable is True:
            return False
        try:
            self._recv(1, _socket.MSG_PEEK)
        except BlockingIOError:
            self.readable = False
            return True
        except OSError:
            return False
        return False

    def shutdown_sending(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(_socket.SHUT_WR)

    def close(self) -> None:
        fd = self._fd
        if fd < 0:
            return
        self._fd = -1
        self._loop.unwatch(fd)
        self._sock.close()
        for greenlet in (self.reader, self.writer):
            if greenlet is not None:
                self._loop.post(lambda g=greenlet: g.throw(PeerGone("closed here")))  # type: ignore[misc]
        self.reader = self.writer = None

    def fileno(self) -> int:
        return self._fd

    def finish_connect(self) -> None:
        """Wait for a connection begun without waiting. Raises ConnectFailed, DeadlinePassed."""
        self._park_writer()
        code = self._sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if code:
            raise ConnectFailed(self.peer, os.strerror(code))

    def _park_reader(self) -> None:
        if self._fd < 0:
            raise PeerGone("closed here")
        loop = self._loop
        self._reads = 0
        until = self.read_until = self._until()
        if until is not inf:
            loop.fresh = True
        self.reader = loop.current()
        try:
            loop.switch()
        except BaseException:
            self.reader = None
            raise

    def _park_writer(self) -> None:
        if self._fd < 0:
            raise PeerGone("closed here")
        loop = self._loop
        until = self.write_until = self._until()
        if until is not inf:
            loop.fresh = True
        self.writer = loop.current()
        if self._local:
            loop.watch_room(self._fd, True)
        try:
            loop.switch()
        except BaseException:
            self.writer = None
            raise
        finally:
            if self._local and self._fd >= 0:
                loop.watch_room(self._fd, False)

    def _take_turns(self) -> None:
        self._reads += 1
        if self._reads >= _READS_IN_A_ROW:
            self._reads = 0
            self._let_others_run()

    def _let_others_run(self) -> None:
        waiter = Waiter(self._loop)
        self._loop.post(waiter.wake)
        waiter.park()

    def _until(self) -> float:
        deadline = inf if self.deadline is None else self.deadline
        if self.idle_s is None:
            return deadline
        idle = self._loop.monotonic() + self.idle_s
        return idle if idle < deadline else deadline


class _Together:
    """What waits at several endpoints until each has something to read; to the loop, a greenlet."""

    __slots__ = ("_missing", "greenlet")

    def __init__(self, greenlet: Any, missing: int) -> None:  # noqa: ANN401 - has no types
        self.greenlet = greenlet
        self._missing = missing

    def switch(self) -> None:
        """One more of them may be read."""
        self._missing -= 1
        if not self._missing and self.greenlet is not None:
            self.greenlet.switch()

    def throw(self, error: BaseException) -> None:
        if self.greenlet is not None:
            self.greenlet.throw(error)


class GreenListener:
    """host.net.Listener. Belongs to no loop until somebody accepts, so it survives a fork."""

    def __init__(self, loop_of_now: Callable[[], Loop], tasks: Tasks, sock: RawSocket) -> None:
        self.address = own_address(sock)
        self._loop_of_now = loop_of_now
        self._tasks = tasks
        self._sock = sock
        self._fd = sock.fileno()
        self._loop: Loop | None = None
        self._endpoint = Endpoint()

    def accept(self) -> GreenStream:
        loop = self._attach()
        endpoint = self._endpoint
        while True:
            if self._fd < 0:
                raise PeerGone("the listener is closed")
            try:
                sock, peer = accept_from(self._sock, self._sock.family)
            except BlockingIOError:
                endpoint.reader = loop.current()
                loop.switch()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._tasks.sleep(_ACCEPT_PAUSE_S)
                elif error.errno == errno.EBADF:
                    raise PeerGone("the listener is closed") from None
                # Anything else is an error of the one client that was next.
            else:
                stream = GreenStream(loop, sock, peer)
                stream.readable = PERHAPS  # a client that connects has usually spoken already
                return stream

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        reader, self._endpoint.reader = self._endpoint.reader, None
        if self._loop is not None:
            self._loop.unwatch(fd)
            if reader is not None:
                self._loop.post(lambda: reader.throw(PeerGone("the listener is closed")))
        self._sock.close()

    def fileno(self) -> int:
        return self._fd

    def _attach(self) -> Loop:
        loop = self._loop_of_now()
        if self._loop is not loop:
            self._loop = loop
            if self._fd >= 0:
                self._sock.setblocking(False)
                loop.watch(self._fd, self._endpoint)
        return loop


class GreenNet:
    """host.net.Net."""

    def __init__(self, loop_of_now: Callable[[], Loop], tasks: Tasks) -> None:
        self._loop_of_now = loop_of_now
        self._tasks = tasks
        self._pipes = Pipes()

    def conduit(self, *, spliced: bool = True) -> Conduit:
        ends = self._pipes.take() if spliced else None
        return CopyConduit() if ends is None else SpliceConduit(self._pipes, ends)

    def listen(
        self, address: Address, *, reuse_port: bool = False, backlog: int = 4096
    ) -> GreenListener:
        sock = open_listening(address, reuse_port=reuse_port, backlog=backlog, blocking=False)
        return GreenListener(self._loop_of_now, self._tasks, sock)

    def adopt_listener(self, fd: int) -> GreenListener:
        return GreenListener(self._loop_of_now, self._tasks, adopt(fd, blocking=False))

    def connect(self, address: Address, timeout: float | None) -> GreenStream:
        loop = self._loop_of_now()
        end = None if timeout is None else loop.monotonic() + timeout
        stream, connected = self._begin(loop, address, end)
        return stream if connected else self._finish(stream, end)

    def connect_many(
        self, addresses: Sequence[Address], timeout: float | None
    ) -> list[Stream | ConnectFailed | DeadlinePassed]:
        loop = self._loop_of_now()
        end = None if timeout is None else loop.monotonic() + timeout
        begun: list[tuple[GreenStream, bool] | ConnectFailed | DeadlinePassed] = []
        for address in addresses:
            try:
                begun.append(self._begin(loop, address, end))
            except (ConnectFailed, DeadlinePassed) as error:
                begun.append(error)
        outcome: list[Stream | ConnectFailed | DeadlinePassed] = []
        try:
            for one in begun:
                if not isinstance(one, tuple):
                    outcome.append(one)
                    continue
                try:
                    outcome.append(one[0] if one[1] else self._finish(one[0], end))
                except (ConnectFailed, DeadlinePassed) as error:
                    outcome.append(error)
        except BaseException:
            for one in begun:
                if isinstance(one, tuple):
                    one[0].close()
            raise
        return outcome

    def wait_any(self, streams: Sequence[Stream], deadline: float | None) -> Stream:
        loop = self._loop_of_now()
        ours = [stream for stream in streams if isinstance(stream, GreenStream)]
        assert len(ours) == len(streams) > 0
        until = inf if deadline is None else deadline
        me = loop.current()
        while True:
            for stream in ours:
                if stream.readable and not stream.quiet():
                    return stream
            for stream in ours:
                stream.reader = me
                stream.read_until = until
            loop.fresh = True
            try:
                loop.switch()
            finally:
                for stream in ours:
                    stream.reader = None

    def wait_all(self, streams: Sequence[Stream], deadline: float | None) -> bool:
        """One switch for all of them, where wait_any in a loop would take one for each."""
        loop = self._loop_of_now()
        missing = [s for s in streams if isinstance(s, GreenStream) and s.quiet()]
        if not missing:
            return True
        together = _Together(loop.current(), len(missing))
        until = inf if deadline is None else deadline
        for stream in missing:
            if stream.fileno() < 0:
                raise PeerGone("closed here")
            stream.reader = together
            stream.read_until = until
        if deadline is not None:
            loop.fresh = True
        try:
            loop.switch()
        except DeadlinePassed:
            return False
        finally:
            together.greenlet = None
            for stream in missing:
                if stream.reader is together:
                    stream.reader = None
        return True

    def _begin(self, loop: Loop, address: Address, end: float | None) -> tuple[GreenStream, bool]:
        """Start to connect; true if that was already all (unix sockets, often loopback)."""
        target = address
        if not isinstance(address, str) and not is_literal(address):
            target = self._tasks.offload("dns", resolve, address)
        try:
            sock = open_client(target, blocking=False)
        except OSError as error:
            raise ConnectFailed(address, os.strerror(error.errno or 0)) from None
        while (code := sock.connect_ex(target)) == errno.EAGAIN:  # a unix socket's full backlog
            if end is not None and loop.monotonic() >= end:
                sock.close()
                raise DeadlinePassed("the listener's queue stayed full")
            self._tasks.sleep(0.005)
        if code not in (0, errno.EINPROGRESS):
            sock.close()
            raise ConnectFailed(address, os.strerror(code))
        if isinstance(address, str) and not same_user(sock):
            sock.close()
            raise ConnectFailed(address, "it listens under another user")
        return GreenStream(loop, sock, address), code == 0

    def _finish(self, stream: GreenStream, end: float | None) -> GreenStream:
        stream.deadline = end
        try:
            stream.finish_connect()
        except BaseException:
            stream.close()
            raise
        stream.deadline = None
        return stream
