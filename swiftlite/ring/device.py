"""A device: one disk that may hold partitions, and where it stands.

Knows the fields of a device as rings and builders keep them, and how addresses are written.
Refuses to know what is assigned to it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

HOST_NAME = re.compile(
    r"(?=.{1,255}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?"
)

Tier = tuple[object, ...]
"""A failure domain: (), (region,), (region, zone), (region, zone, ip) or with the device id."""


@dataclass(frozen=True, slots=True)
class Device:
    """One disk. `address` and `replication_address` are (ip or host name, port)."""

    id: int
    region: int
    zone: int
    ip: str
    port: int
    replication_ip: str
    replication_port: int
    device: str
    weight: float
    meta: str = ""
    address: tuple[str, int] = field(init=False, compare=False, repr=False)
    replication_address: tuple[str, int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", (self.ip, self.port))
        object.__setattr__(
            self, "replication_address", (self.replication_ip, self.replication_port)
        )

    @property
    def tiers(self) -> tuple[Tier, Tier, Tier, Tier]:
        """The failure domains that this device stands in, largest first."""
        region, zone, ip = self.region, self.zone, self.ip
        return (region,), (region, zone), (region, zone, ip), (region, zone, ip, self.id)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], expected_id: int | None = None) -> Device:
        """From the dictionary of a ring or builder file; ValueError says what is wrong with it.

        Rings of long ago lack the region (1) and the replication address (the same as the other).
        """
        if not isinstance(fields, Mapping):
            raise ValueError(f"device {expected_id} is not a dictionary")
        name = fields.get("id", expected_id)
        number = _whole(fields.get("id", expected_id), "id", name)
        if expected_id is not None and number != expected_id:
            raise ValueError(f"the device at place {expected_id} says that its id is {number}")
        ip = _text(fields.get("ip"), "ip", name)
        port = _whole(fields.get("port"), "port", name, 65535)
        replication_ip = fields.get("replication_ip")
        replication_port = fields.get("replication_port")
        return cls(
            id=number,
            region=_whole(fields.get("region", 1), "region", name),
            zone=_whole(fields.get("zone"), "zone", name),
            ip=ip,
            port=port,
            replication_ip=ip
            if replication_ip is None
            else _text(replication_ip, "replication_ip", name),
            replication_port=port
            if replication_port is None
            else _whole(replication_port, "replication_port", name, 65535),
            device=_text(fields.get("device"), "device", name),
            weight=_weight(fields.get("weight"), name),
            meta=_text(fields.get("meta", ""), "meta", name),
        )

    def to_dict(self) -> dict[str, Any]:
        """The dictionary that ring files hold."""
        return {
            "id": self.id,
            "region": self.region,
            "zone": self.zone,
            "ip": self.ip,
            "port": self.port,
            "replication_ip": self.replication_ip,
            "replication_port": self.replication_port,
            "device": self.device,
            "weight": self.weight,
            "meta": self.meta,
        }


class Handoff(NamedTuple):
    """A device beside the primaries, and its place (from 0) in the partition's handoff order."""

    device: Device
    handoff_index: int


def _whole(value: object, key: str, name: object, most: int = 2**63) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"device {name}: {key} is not a whole number: {value!r}")
    try:
        number = int(value)
    except (ValueError, OverflowError):
        raise ValueError(f"device {name}: {key} is not a whole number: {value!r}") from None
    if isinstance(value, float) and value != number:
        raise ValueError(f"device {name}: {key} is not a whole number: {value!r}")
    if not 0 <= number <= most:
        raise ValueError(f"device {name}: {key} is out of range: {number}")
    return number


def _text(value: object, key: str, name: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise ValueError(f"device {name}: {key} is not text: {value!r}")
    return value


def _weight(value: object, name: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"device {name}: weight is not a number: {value!r}")
    try:
        weight = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"device {name}: weight is not a number: {value!r}") from None
    if not isfinite(weight) or weight < 0:
        raise ValueError(f"device {name}: weight must be zero or more, not {value!r}")
    return weight


def normal_address(text: str) -> str:
    """An IPv4 address as it is, an IPv6 address expanded in lower case, or a host name.

    Square brackets are for IPs only. ValueError when it is none of these.
    """
    boxed = text.startswith("[") and text.endswith("]")
    bare = (text[1:-1] if boxed else text).lower()
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        if not boxed and HOST_NAME.fullmatch(bare):
            return bare
        raise ValueError(f"not an IP address or host name: {text!r}") from None
    number = int(parsed)
    if parsed.version == 6 and number >> 16 and number >> 32 in (0, 0xFFFF):
        # As inet_ntop(3) writes addresses that carry an IPv4 one.
        tail = ipaddress.IPv4Address(number & 0xFFFFFFFF)
        return f"::ffff:{tail}" if number >> 32 else f"::{tail}"
    return str(parsed)


def bracketed(ip: str) -> str:
    """The address as it stands before a port: IPv6 in square brackets."""
    return f"[{ip}]" if ":" in ip else ip
