"""The short forms in which operators name devices: `d12r1z2-10.0.0.1:6200R10.1.0.1:6200/sdb_meta`.

Three readers of one grammar: which devices are meant (any part may be missing), what a new device
is (all but region, replication address and meta), and what is to change of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from .device import Device, normal_address

_IP = r"\[[^\]]*\]|[0-9][0-9.]*"
_HOST = r"\[[^\]]*\]|[^\s:/\[\]_]+"
_SEARCH = re.compile(
    rf"(?:d(?P<id>\d+))?(?:r(?P<region>\d+))?(?:z(?P<zone>\d+))?"
    rf"(?:-?(?P<ip>{_IP}))?(?::(?P<port>\d+))?"
    rf"(?:R(?P<replication_ip>{_IP})?(?::(?P<replication_port>\d+))?)?"
    rf"(?:/(?P<device>[^_]*))?(?:_(?P<meta>.*))?",
    re.DOTALL,
)
_ADD = re.compile(
    rf"(?:r(?P<region>\d+))?z(?P<zone>\d+)-(?P<ip>{_HOST}):(?P<port>\d+)"
    rf"(?:R(?P<replication_ip>{_HOST}):(?P<replication_port>\d+))?"
    rf"/(?P<device>[^_]+)(?:_(?P<meta>.*))?",
    re.DOTALL,
)
_CHANGE = re.compile(
    rf"(?P<ip>{_IP})?(?::(?P<port>\d+))?"  # A host name here is rather a misspelt command.
    rf"(?:R(?P<replication_ip>{_IP})?(?::(?P<replication_port>\d+))?)?"
    rf"(?:/(?P<device>[^_]+))?(?:_(?P<meta>.*))?",
    re.DOTALL,
)
NUMBERS = frozenset({"id", "region", "zone", "port", "replication_port"})


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a device must be; None asks nothing. `meta` need only occur in the device's."""

    id: int | None = None
    region: int | None = None
    zone: int | None = None
    ip: str | None = None
    port: int | None = None
    replication_ip: str | None = None
    replication_port: int | None = None
    device: str | None = None
    weight: float | None = None
    meta: str | None = None

    def matches(self, device: Device) -> bool:
        for field in fields(self):
            wanted = getattr(self, field.name)
            if wanted is None:
                continue
            if field.name == "meta":
                if wanted not in device.meta:
                    return False
            elif getattr(device, field.name) != wanted:
                return False
        return True

    def find(self, devices: Iterable[Device]) -> list[Device]:
        """The devices that match, in their order."""
        return [device for device in devices if self.matches(device)]


def parse_search(text: str) -> Criteria:
    """Raises ValueError for what is not a search value, an empty one included."""
    parts = _parts(_SEARCH, text, "a search value")
    if not parts:
        raise ValueError(f"not a search value: {text!r}")
    return Criteria(**parts)  # type: ignore[arg-type]  # the pattern's groups are its fields


def parse_add(text: str) -> dict[str, int | str]:
    """The fields of a new device; `region` is missing where the text has none."""
    try:
        return _parts(_ADD, text, "a device")
    except ValueError as fault:
        raise ValueError(
            f"{fault}; a device is written [r<region>]z<zone>-<ip>:<port>"
            "[R<replication ip>:<replication port>]/<device>[_<meta>]"
        ) from None


def parse_change(text: str) -> dict[str, int | str]:
    """The fields of set_info: `<ip>:<port>R<rip>:<rport>/<device>_<meta>`, any part missing."""
    parts = _parts(_CHANGE, text, "a change")
    if not parts:
        raise ValueError(f"nothing to change in {text!r}")
    return parts


def _parts(pattern: re.Pattern[str], text: str, what: str) -> dict[str, int | str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(f"not {what}: {text!r}")
    parts: dict[str, int | str] = {}
    for key, value in found.groupdict().items():
        if value is None:
            continue
        if key in NUMBERS:
            parts[key] = int(value)
        elif key in ("ip", "replication_ip"):
            parts[key] = normal_address(value)
        else:
            parts[key] = value[1:-1] if key == "meta" and value[:1] == value[-1:] == '"' else value
    return parts
