"""Which nodes failed too often to be asked as usual, and how they come back.

Swift's numbers: more than error_suppression_limit errors, each less than error_suppression_interval
after the one before, and a device that is full or not mounted (507) at once. What is added:

- A node left alone is tried by one request every PROBE_S seconds, and is back the moment it answers
  well. A server that was restarted would otherwise be missing for a minute; where one after the
  other is restarted, that would be all of them.
- A node that hangs is seldom caught by a timeout of its own, because others answer long before
  that. So it is also left alone when it was given up again and again without one answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from swiftlite.ring import Device

PROBE_S = 5.0
NodeKey = tuple[str, int, str]


@dataclass(slots=True)
class _Record:
    """What is held against a node. no_room: a 507, which one good answer does not undo."""

    errors: int = 0
    last: float = 0.0
    given_up: int = 0
    no_room: bool = False
    probe_at: float = 0.0


class NodeLimiter:
    """One per process. A node is its address and device, whatever else a ring says of it."""

    def __init__(self, monotonic: Callable[[], float], interval: float, limit: int) -> None:
        self._monotonic = monotonic
        self._interval = interval
        self._limit = limit
        self._records: dict[NodeKey, _Record] = {}

    def limited(self, device: Device) -> bool:
        """Whether it is left alone now."""
        if not self._records:  # the usual case, on the way of every request
            return False
        record = self._records.get(_key(device))
        return record is not None and self._holds(record)

    def may_ask(self, device: Device) -> bool:
        """Whether this request should ask it in its turn: it is not left alone, or is probed."""
        if not self._records:
            return True
        record = self._records.get(_key(device))
        if record is None or not self._holds(record):
            return True
        now = self._monotonic()
        if record.no_room or now < record.probe_at:
            return False
        record.probe_at = now + PROBE_S
        return True

    def error(self, device: Device) -> None:
        """One more error of this node."""
        self._count(self._record(device), 1)

    def limit_now(self, device: Device) -> None:
        """It has no room, or no device; that will not go away by itself."""
        record = self._record(device)
        record.no_room = True
        self._count(record, self._limit + 1)

    def given_up(self, device: Device) -> None:
        """It had not answered when the others had decided."""
        record = self._record(device)
        record.given_up += 1
        if record.given_up > self._limit:
            record.given_up = 0
            self._count(record, self._limit + 1)

    def answered(self, device: Device) -> None:
        """It took a request and answered it well."""
        if not self._records:
            return
        key = _key(device)
        record = self._records.get(key)
        if record is None:
            return
        record.given_up = 0
        over = not record.errors or (self._holds(record) and not record.no_room)
        if over:
            del self._records[key]

    def _holds(self, record: _Record) -> bool:
        if record.errors <= self._limit:
            return False
        return record.last >= self._monotonic() - self._interval

    def _record(self, device: Device) -> _Record:
        return self._records.setdefault(_key(device), _Record())

    def _count(self, record: _Record, errors: int) -> None:
        now = self._monotonic()
        if record.last < now - self._interval:
            record.errors = 0
        record.errors += errors
        record.last = now
        record.probe_at = now + PROBE_S


def _key(device: Device) -> NodeKey:
    return device.ip, device.port, device.device
