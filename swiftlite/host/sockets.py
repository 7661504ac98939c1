"""Making sockets, and telling a peer's end from our own mistakes. No waiting in here.

Sockets are the C type of the interpreter, `_socket.socket`: what a green library puts in the place
of `socket.socket` never reaches these, and a call costs one function less.
"""

from __future__ import annotations

import _socket
import errno
import os
import stat

from swiftlite.host.local_socket import same_user
from swiftlite.host.net import Address, ConnectFailed, PeerGone

RawSocket = _socket.socket
_STREAM = _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC
_LOCAL_ROOM_BYTES = 2 << 20
"""In flight on a unix socket at most, if the system allows so much. By its own default both
ends take turns every 200 KiB: a third more CPU for a relayed body. (TCP's windows just grow.)
"""
_GONE = frozenset(
    (
        errno.EPIPE,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.EBADF,  # closed by ourselves, in another task
    )
)


def family_of(address: Address) -> int:
    if isinstance(address, str):
        return _socket.AF_UNIX
    return _socket.AF_INET6 if ":" in address[0] else _socket.AF_INET


def is_literal(address: Address) -> bool:
    """Whether connecting to it needs no name service."""
    if isinstance(address, str):
        return True
    try:
        _socket.inet_pton(family_of(address), address[0])
    except OSError:
        return False
    return True


def resolve(address: tuple[str, int]) -> tuple[str, int]:
    """Look a host name up (blocks). Raises ConnectFailed."""
    try:
        found = _socket.getaddrinfo(address[0], address[1], 0, _socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectFailed(address, f"no such host ({error.strerror})") from None
    return str(found[0][4][0]), address[1]


def open_client(address: Address, *, blocking: bool) -> RawSocket:
    kind = _STREAM if blocking else _STREAM | _socket.SOCK_NONBLOCK
    sock = RawSocket(family_of(address), kind)
    if not isinstance(address, str):
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return sock


def open_listening(
    address: Address, *, reuse_port: bool, backlog: int, blocking: bool
) -> RawSocket:
    """Bound and listening. Raises OSError; a socket file that nobody listens on is replaced."""
    kind = _STREAM if blocking else _STREAM | _socket.SOCK_NONBLOCK
    sock = RawSocket(family_of(address), kind)
    try:
        if isinstance(address, str):
            if not address.startswith("\0"):
                _remove_stale_socket(address)
        else:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            if reuse_port:
                sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, 1)
        sock.bind(address)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def adopt(fd: int, *, blocking: bool) -> RawSocket:
    """A socket over a descriptor that this process owns (inherited, or from accept)."""
    sock = RawSocket(fileno=fd)
    sock.setblocking(blocking)
    os.set_inheritable(fd, False)
    return sock


def accept_from(listening: RawSocket, family: int) -> tuple[RawSocket, Address]:
    """The next client's socket, non-blocking. Raises BlockingIOError and other OSErrors; a client
    on a unix socket that is of another user is shown the door."""
    fd, peer = listening._accept()  # type: ignore[attr-defined]  # below socket.socket.accept
    sock = RawSocket(family, _STREAM, 0, fd)
    sock.setblocking(False)
    if family == _socket.AF_UNIX:
        if not same_user(sock):
            sock.close()
            raise PermissionError(errno.EACCES, "a client of another user")
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, _LOCAL_ROOM_BYTES)
        return sock, ""
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return sock, (peer[0], peer[1])


def own_address(sock: RawSocket) -> Address:
    name = sock.getsockname()
    if isinstance(name, bytes):  # an abstract one
        return name.decode()
    return name if isinstance(name, str) else (name[0], name[1])


def gone(error: OSError) -> PeerGone:
    """The error as the stream's owner may see it; raises it again if no peer is to blame."""
    if error.errno in _GONE:
        return PeerGone(error.strerror)
    raise error


def _remove_stale_socket(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    probe = RawSocket(_socket.AF_UNIX, _STREAM | _socket.SOCK_NONBLOCK)
    try:
        if probe.connect_ex(path) == errno.ECONNREFUSED:
            os.unlink(path)
    finally:
        probe.close()
