"""Which devices of a ring are on this node: those whose address is one of this machine's."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from swiftlite.ring import Device, Ring


def local_devices(
    ring: Ring, *, bind_ip: str = "0.0.0.0", port: int | None = None
) -> Iterator[Device]:
    """Devices of the ring that this node serves, by client or by replication address.

    bind_ip: only devices at this address, unless it is a wildcard: then all addresses of this
    machine count. port: only devices at this port.
    """
    known: dict[str, bool] = {}
    for device in ring.devices:
        if device is None:
            continue
        for ip, at in (device.address, device.replication_address):
            if port is not None and at != port:
                continue
            if ip not in known:
                known[ip] = ip == bind_ip or (is_wildcard(bind_ip) and is_own_address(ip))
            if known[ip]:
                yield device
                break


def is_wildcard(ip: str) -> bool:
    return ip in ("0.0.0.0", "::", "")


def is_own_address(host: str) -> bool:
    """Whether an address, or any that a host name stands for, is one of this machine's.

    The kernel is asked by binding a datagram socket, which works for every kind of interface
    and sends nothing.
    """
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    return any(_can_bind(family, address) for family, _, _, _, address in found)


def _can_bind(family: int, address: tuple[object, ...]) -> bool:
    if is_wildcard(str(address[0])):
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True
