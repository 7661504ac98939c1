"""Lines: what they look like, what cannot break them, where they go."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from swiftlite.observe.log import DEBUG, ERROR, INFO, Log
from swiftlite.observe.options import LogOptions, StatsdOptions, open_log, open_sink
from swiftlite.observe.sinks import FileSink, StreamSink, SyslogSink, facility_number
from swiftlite.observe.statsd import Statsd
from swiftlite.observe.transaction import extended, new_id, time_of


class Lines:
    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def write(self, level: int, line: str) -> None:
        self.found.append((level, line))


def test_levels_below_the_log_are_dropped() -> None:
    lines = Lines()
    log = Log("object-server", level=INFO, sink=lines)
    log.debug("unseen")
    log.info("PUT done", status=201, path="/a/c/o")
    log.error("disk")
    assert lines.found == [
        (INFO, "object-server: PUT done status=201 path=/a/c/o"),
        (ERROR, "object-server: disk"),
    ]


def test_a_bound_log_names_its_transaction() -> None:
    lines = Lines()
    Log("proxy-server", level=DEBUG, sink=lines).bind("tx1").debug("hello")
    assert lines.found == [(DEBUG, "proxy-server: hello (txn: tx1)")]


def test_clients_cannot_break_a_line() -> None:
    lines = Lines()
    Log("x", sink=lines).info("GET /a\nfake: line\r\x1b[2J\udcff Ü😀")
    assert lines.found[0][1] == "x: GET /a#012fake: line\\r\\x1b[2J\\udcff Ü😀"


def test_an_exception_is_one_line_with_its_traceback() -> None:
    lines = Lines()
    try:
        raise ValueError("broken\nhere")
    except ValueError:
        Log("x", sink=lines).exception("while testing")
    line = lines.found[0][1]
    assert line.startswith("x: while testing: Traceback (most recent call last):#012")
    assert line.endswith("ValueError: broken#012here")


def test_a_stream_gets_stamped_lines() -> None:
    reader, writer = os.pipe()
    sink = StreamSink(writer, wall=lambda: 1700000000.25)
    sink.write(INFO, "x: one")
    sink.write(INFO, "x: \udcff")
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read().decode()
    assert text == "2023-11-14T22:13:20.250Z x: one\n2023-11-14T22:13:20.250Z x: \\udcff\n"


def test_the_journal_gets_priorities_and_a_closed_pipe_harms_nobody() -> None:
    reader, writer = os.pipe()
    sink = StreamSink(writer, journal=True)
    sink.write(ERROR, "x: bad")
    assert os.read(reader, 100) == b"<3>x: bad\n"
    os.close(reader)
    sink.write(ERROR, "x: lost")
    os.close(writer)


def test_a_file_is_appended_to_and_reopened(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    sink = FileSink(str(path), wall=lambda: 0.0)
    sink.write(INFO, "one")
    path.rename(tmp_path / "x.log.1")
    sink.write(INFO, "two")
    sink.reopen()
    sink.write(INFO, "three")
    assert (tmp_path / "x.log.1").read_text().count("1970-01-01T00:00:00.000Z") == 2
    assert path.read_text() == "1970-01-01T00:00:00.000Z three\n"


def test_syslog_gets_datagrams_and_survives_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    sink = SyslogSink(path, "LOG_LOCAL1")
    sink.write(INFO, "x: nobody listens")
    for _ in range(2):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
            daemon.bind(path)
            sink.write(INFO, "x: hello")
            assert daemon.recv(100) == b"<142>x: hello\0"
        os.unlink(path)


def test_facilities() -> None:
    assert facility_number("LOG_LOCAL0") == 16
    assert facility_number("daemon") == 3
    with pytest.raises(ValueError, match="LOG_LOCAL7"):
        facility_number("LOG_LOCAL8")


def test_options_choose_the_destination(tmp_path: Path) -> None:
    def chosen(**options: str) -> object:
        return open_sink(LogOptions(**options), wall=lambda: 0.0, environ={})  # type: ignore[arg-type]  # all text here

    assert type(chosen()) is StreamSink
    assert isinstance(chosen(log_facility="LOG_LOCAL3"), SyslogSink)
    assert isinstance(chosen(log_udp_host="127.0.0.1"), SyslogSink)
    assert isinstance(chosen(log_file=str(tmp_path / "x")), FileSink)
    options = LogOptions(log_file=str(tmp_path / "y"), log_level="ERROR")
    log = open_log(options, "object-auditor", wall=lambda: 0.0)
    log.info("unseen")
    log.error("seen")
    assert (tmp_path / "y").read_text().endswith("Z object-auditor: seen\n")


def test_statsd_lines() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        options = StatsdOptions(
            log_statsd_host="127.0.0.1",
            log_statsd_port=server.getsockname()[1],
            log_statsd_metric_prefix="dc1",
        )
        rolls = iter((0.1, 0.9))
        statsd = Statsd(options, "proxy-server", random=lambda: next(rolls))
        statsd.increment("errors")
        statsd.timing("PUT.timing", 0.0125)
        statsd.count("bytes", 10, rate=0.5)
        statsd.count("bytes", 11, rate=0.5)  # the second roll leaves it out
        statsd.gauge("load", 2)
        statsd.transfer_rate("PUT.rate", 2.0, 4000)
        found = [server.recv(200).decode().removeprefix("dc1.proxy-server.") for _ in range(5)]
    assert found == [
        "errors:1|c",
        "PUT.timing:12.5|ms",
        "bytes:10|c|@0.5",
        "load:2|g",
        "PUT.rate:500.0|ms",
    ]


def test_statsd_without_a_host_does_nothing() -> None:
    statsd = Statsd(StatsdOptions(), "x", random=lambda: 0.0)
    statsd.increment("errors")
    assert not statsd.enabled


class Fixed:
    def bytes(self, count: int) -> bytes:
        return b"\xab" * count

    def wall(self) -> float:
        return 1700000000.9


def test_transaction_ids() -> None:
    made = new_id(Fixed(), Fixed(), "-dc1")
    assert made == "tx" + "ab" * 10 + "a-006553f100-dc1"
    assert re.fullmatch(r"tx[0-9a-f]{21}-[0-9a-f]{10}-dc1", made)
    assert time_of(made) == 1700000000
    assert time_of("tx1") is None
    assert time_of("tx" + "0" * 21 + "-zz") is None
    assert extended("tx1", "") == "tx1"
    assert extended("tx1", "a b/" + "c" * 40) == "tx1-a%20b%2F" + "c" * 28
