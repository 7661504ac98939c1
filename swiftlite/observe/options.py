"""The log and metrics options that every `[DEFAULT]` understands, and what is made from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.observe.log import LEVELS, Log, Sink
from swiftlite.observe.sinks import (
    FileSink,
    StreamSink,
    SyslogSink,
    Wall,
    facility_number,
    is_journal,
)

SYSLOG_VARIABLE = "SWIFTLITE_SYSLOG"
"""Set by who starts a daemon in the background, where nobody reads stderr."""


def _level(text: str) -> str:
    if text.upper() not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return text.upper()


def _facility(text: str) -> str:
    if text:
        facility_number(text)
    return text


@dataclass(frozen=True, slots=True)
class LogOptions:
    SECTION = "DEFAULT"
    log_name: str = opt("", "Name in front of every line; empty: the daemon's own.")
    log_level: str = opt("INFO", "The least level that is written.", parse=_level)
    log_file: str = opt("", "Append lines to this file; it comes before syslog and stderr.")
    log_facility: str = opt(
        "",
        "Syslog facility, LOG_LOCAL0 and so on. Naming one, or log_address, or log_udp_host, sends "
        "lines to syslog; otherwise they go to stderr, which systemd keeps in the journal.",
        parse=_facility,
    )
    log_address: str = opt("", "Unix socket of syslog.", shown="/dev/log")
    log_udp_host: str = opt("", "Send lines to syslog over UDP at this host.")
    log_udp_port: int = opt(514, "Port of log_udp_host.", minimum=1, maximum=65535)

    @property
    def to_syslog(self) -> bool:
        return bool(self.log_facility or self.log_address or self.log_udp_host)


@dataclass(frozen=True, slots=True)
class StatsdOptions:
    SECTION = "DEFAULT"
    log_statsd_host: str = opt("", "Send metrics to a statsd server at this host; empty: none.")
    log_statsd_port: int = opt(8125, "Port of log_statsd_host.", minimum=1, maximum=65535)
    log_statsd_default_sample_rate: float = opt(
        1.0, "Share of events reported, unless a metric has its own rate.", minimum=0, maximum=1
    )
    log_statsd_sample_rate_factor: float = opt(
        1.0, "Multiplies every sample rate, to turn all metrics down at once.", minimum=0, maximum=1
    )
    log_statsd_metric_prefix: str = opt("", "In front of every metric's name.")


def open_sink(options: LogOptions, *, wall: Wall, environ: Mapping[str, str]) -> Sink:
    """The destination that the options name. Raises OSError when log_file cannot be opened."""
    if options.log_file:
        return FileSink(options.log_file, wall=wall)
    facility = options.log_facility or "LOG_LOCAL0"
    if options.log_udp_host:
        return SyslogSink((options.log_udp_host, options.log_udp_port), facility)
    if options.to_syslog or environ.get(SYSLOG_VARIABLE):
        return SyslogSink(options.log_address or "/dev/log", facility)
    if is_journal(2, environ.get("JOURNAL_STREAM", "")):
        return StreamSink(2, journal=True)
    return StreamSink(2, wall=wall)


def open_log(options: LogOptions, name: str, *, wall: Wall) -> Log:
    """A daemon's log; name is used where log_name is empty."""
    sink = open_sink(options, wall=wall, environ=os.environ)
    return Log(options.log_name or name, level=LEVELS[options.log_level], sink=sink)
