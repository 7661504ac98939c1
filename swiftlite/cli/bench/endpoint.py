"""Where requests go: the server, the account's path there, and the headers that open it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from swiftlite.host.bundle import Host
from swiftlite.host.net import Address
from swiftlite.peers.call import render_head
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.pool import Pool
from swiftlite.vocab.errors import SwiftliteError

_LOGIN_S = 30.0
_ANSWER_BYTES_MAX = 1 << 20


class BenchError(SwiftliteError):
    """A sentence for whoever started it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """root: the account's path, quoted, without a slash at its end."""

    address: Address
    root: str
    token: str


def log_in(host: Host, auth_url: str, user: str, key: str) -> Endpoint:
    """By Swift's own (v1) way. Raises BenchError."""
    url = _split(auth_url)
    address = _address(url)
    headers = [("X-Auth-User", user), ("X-Auth-Key", key)]
    head = render_head("GET", url.path or "/auth/v1.0", headers, address)
    pool = Pool(host, conn_timeout=_LOGIN_S, read_timeout=_LOGIN_S)
    deadline = host.clock.monotonic() + _LOGIN_S
    try:
        answer = pool.open(address, head, deadline=deadline).answer(deadline)
        answer.read_all(_ANSWER_BYTES_MAX)
    except PeerFault as fault:
        raise BenchError(f"{auth_url}: {fault.reason}") from None
    finally:
        pool.close()
    storage, token = answer.headers.get("X-Storage-Url"), answer.headers.get("X-Auth-Token")
    if answer.status not in (200, 204) or storage is None or token is None:
        raise BenchError(f"{auth_url}: the log-in of {user} was answered {answer.status}.")
    return given(storage, token)


def given(url: str, token: str) -> Endpoint:
    """One whose storage URL and token are known. Raises BenchError."""
    split = _split(url)
    return Endpoint(_address(split), split.path.rstrip("/"), token)


def _split(url: str) -> SplitResult:
    split = urlsplit(url)
    if split.scheme != "http" or not split.hostname:
        raise BenchError(f"{url!r} is not an http:// URL; TLS is not measured.")
    return split


def _address(split: SplitResult) -> Address:
    assert split.hostname is not None
    try:
        return (split.hostname, split.port or 80)
    except ValueError:
        raise BenchError(f"{split.netloc!r} has no usable port.") from None
