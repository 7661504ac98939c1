"""Metrics to a statsd server over UDP. Without a host every call returns at once.

Names, sample rates and the prefix rule are Swift's, so that dashboards keep working:
`<log_statsd_metric_prefix>.<name>.<metric>:<value>|<kind>[|@<rate>]`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from swiftlite.observe.options import StatsdOptions
from swiftlite.observe.sinks import connect_datagram


class Statsd:
    """One daemon's metrics. random gives 0 <= x < 1, and decides what is sampled."""

    def __init__(self, options: StatsdOptions, name: str, *, random: Callable[[], float]) -> None:
        self.enabled = bool(options.log_statsd_host)
        self._address = (options.log_statsd_host, options.log_statsd_port)
        self._rate = options.log_statsd_default_sample_rate
        self._factor = options.log_statsd_sample_rate_factor
        parts = (options.log_statsd_metric_prefix, name)
        self._prefix = "".join(f"{part}." for part in parts if part)
        self._random = random
        self._socket: socket.socket | None = None

    def increment(self, metric: str, rate: float | None = None) -> None:
        if self.enabled:
            self._send(metric, 1, "c", rate)

    def decrement(self, metric: str, rate: float | None = None) -> None:
        if self.enabled:
            self._send(metric, -1, "c", rate)

    def count(self, metric: str, value: float, rate: float | None = None) -> None:
        if self.enabled:
            self._send(metric, value, "c", rate)

    def gauge(self, metric: str, value: float) -> None:
        if self.enabled:
            self._send(metric, value, "g", 1.0)

    def timing(self, metric: str, seconds: float, rate: float | None = None) -> None:
        """A duration; sent in milliseconds, as statsd wants."""
        if self.enabled:
            self._send(metric, round(seconds * 1000, 4), "ms", rate)

    def transfer_rate(self, metric: str, seconds: float, byte_count: int) -> None:
        """How long a transfer took, in milliseconds per kB."""
        if self.enabled and byte_count:
            self._send(metric, round(seconds * 1000 / byte_count * 1000, 4), "ms", None)

    def _send(self, metric: str, value: float, kind: str, rate: float | None) -> None:
        rate = (self._rate if rate is None else rate) * self._factor
        if rate < 1 and self._random() >= rate:
            return
        suffix = f"|@{rate:g}" if rate < 1 else ""
        line = f"{self._prefix}{metric}:{value}|{kind}{suffix}"
        try:
            if self._socket is None:
                self._socket = connect_datagram(self._address)
            self._socket.send(line.encode("utf-8", "replace"), socket.MSG_DONTWAIT)
        except OSError:
            pass  # metrics are best effort; UDP reports the last datagram's refusal here
