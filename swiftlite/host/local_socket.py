"""Where a server listens beside its port, for processes of the same host and user.

The name is one of the abstract namespace: it belongs to a network namespace, as the port does that
it stands for, and ends with its last descriptor, so that there is no folder to guard and nothing
stale. Any user may connect to such a name, or take it; both ends therefore look at whose the other
end is (same_user), and the name says for which user it is meant.
"""

from __future__ import annotations

import _socket
import os
import struct

_PEER = struct.Struct("3i")  # pid, user, group: what SO_PEERCRED gives
_ROOT = 0
_WILDCARDS = ("0.0.0.0", "::", "")


def local_name(ip: str, port: int, user_id: int) -> str:
    """The name beside a port, for servers that run as this user."""
    return f"\0swiftlite/{user_id}/{'*' if ip in _WILDCARDS else ip}/{port}"


def local_names(ip: str, port: int) -> tuple[str, str]:
    """Where a server of our user may listen beside an address of this host."""
    user_id = os.geteuid()
    return local_name(ip, port, user_id), local_name("", port, user_id)


def same_user(sock: _socket.socket) -> bool:
    """Whether the other end of a unix socket is of this process's user, or root's.

    Of a listener it is who has called listen(): root, where a server has given up its privileges.
    """
    told = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _PEER.size)
    user_id: int = _PEER.unpack(told)[1]
    return user_id in (os.geteuid(), _ROOT)
