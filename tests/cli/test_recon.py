"""swiftlite-recon over real HTTP servers with the recon filter, and its figures; recon-cron."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from swiftlite.cli import recon_cron
from swiftlite.cli.recon import checks, main
from swiftlite.cli.recon.ask import Reply
from swiftlite.cli.recon.report import Report, shown_size
from swiftlite.host.plain import make_host
from swiftlite.observe import recon
from swiftlite.ring import RingBuilder


def test_figures_are_over_those_that_have_one() -> None:
    report = Report("x")
    report.figure("errors", [3, None, 5])
    assert report.lines == [
        "[errors] low: 3, high: 5, avg: 4.0, total: 8, Failed: 33.3%, no_result: 1, reported: 2"
    ]
    report.figure("other", [None, None])
    report.figure("none", [])
    assert report.lines[1:] == [
        "[other] - No hosts returned valid data.",
        "[none] - No hosts returned valid data.",
    ]


def test_sizes_for_people() -> None:
    shown = [shown_size(size) for size in (0, 999, 1000, 1_999_999, 10**12, 10**27, 10**28)]
    assert shown == ["0 bytes", "999 bytes", "1 kB", "1 MB", "1 TB", "1000 YB", "10000 YB"]


def test_completions_in_words() -> None:
    now = 1_700_000_000.0
    report = Report("x")
    report.completions([("a:1", now - 7200), ("b:1", None), ("c:1", now - 30)], now)
    assert report.lines == [
        "Oldest completion was 2023-11-14 20:13:20 (2 hours ago) by a:1.",
        "Most recent completion was 2023-11-14 22:12:50 (30 seconds ago) by c:1.",
    ]
    never = Report("x")
    never.completions([("a:1", 0)], now)
    assert never.lines == ["Oldest completion was NEVER by a:1."]


def replies(*contents: Any) -> list[Reply]:  # noqa: ANN401 - JSON
    return [
        Reply((f"10.0.0.{number}", 6200), "u", 200, content, 0.0, 0.0)
        for number, content in enumerate(contents)
    ]


def test_auditors_that_report_by_device_are_added_up() -> None:
    one = {"audit_time": 1, "bytes_processed": 2, "passes": 3, "errors": 0, "quarantined": 1}
    told = replies(
        {"object_auditor_stats_ALL": one, "object_auditor_stats_ZBF": {}},
        {"object_auditor_stats_ALL": {"sda1": one, "sdb1": one}, "object_auditor_stats_ZBF": None},
    )
    report = checks.object_auditors("object", told, 0.0)
    passes = report.facts["ALL_passes_last_path"]
    assert isinstance(passes, dict)
    assert (passes["low"], passes["high"]) == (3, 6)
    assert "[ZBF_auditor] - No hosts returned valid data." in report.lines


def test_devices_with_errors_are_told_from_those_not_mounted() -> None:
    told = replies(
        [{"device": "sda1", "mounted": False}], [{"device": "sdb1", "mounted": "Errno 5"}]
    )
    report = checks.unmounted("object", told, 0.0)
    assert report.lines == ["Not mounted: sda1 on 10.0.0.0:6200", "Device errors: sdb1 on 10.0.0.1:6200"]  # fmt: skip  # noqa: E501


class Node(BaseHTTPRequestHandler):
    """A server with a recon filter that says what is in `told`."""

    protocol_version = "HTTP/1.1"
    told: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        check = self.path.removeprefix("/recon/")
        found = self.told.get(check)
        self._answer(404 if found is None else 200, json.dumps(found).encode())

    def do_OPTIONS(self) -> None:
        self._answer(200, b"", ("Server", "object-server/1.2"))

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:  # noqa: ANN401
        pass


@pytest.fixture
def node() -> Iterator[tuple[str, int]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Node)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Node.told = {
        "async": {"async_pending": 7, "async_pending_last": 1.0},
        "time": time.time(),
        "version": {"version": "1.2"},
        "diskusage": [
            {"device": "d1", "mounted": True, "size": 1000, "used": 250, "avail": 750},
            {"device": "d2", "mounted": True, "size": 1000, "used": 750, "avail": 250},
        ],
        "ringmd5": {"/elsewhere/object.ring.gz": "0" * 32},
        "swiftconfmd5": {"/elsewhere/swift.conf": None},
    }
    yield ("127.0.0.1", server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join()


def make_ring(folder: Path, *servers: tuple[str, int]) -> None:
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    builder = RingBuilder.create(4, 1.0, 0)
    for number, (ip, port) in enumerate(servers):
        builder.add_device(
            zone=number, region=number + 1, ip=ip, port=port, device="d1", weight=1.0
        )
    builder.rebalance(0.0)
    builder.write_ring(str(folder / "object.ring.gz"))


def run(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main.main([*words, "--swiftdir", str(folder)]) == 0
    return capsys.readouterr().out


def test_a_server_and_one_that_is_not_there(
    node: tuple[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ring(tmp_path, node, ("127.0.0.1", 1))
    text = run(tmp_path, capsys, "-a", "-d", "--top", "1", "--lowest", "1", "-T", "--jitter", "60")
    assert "--> Starting reconnaissance on 2 hosts (object)" in text
    assert "[async_pending] low: 7, high: 7, avg: 7.0, total: 7, Failed: 0.0%" in text
    assert "-> http://127.0.0.1:1/recon/async: " in text
    assert "Disk usage: space used: 1000 of 2000" in text
    assert "TOP 1\n75.00%  127.0.0.1       d2" in text
    assert "LOWEST 1\n25.00%  127.0.0.1       d1" in text
    assert "1/2 hosts matched, 1 error[s] while checking hosts." in text
    quiet = run(tmp_path, capsys, "-a", "--suppress")
    assert "-> http" not in quiet
    assert f"-> http://127.0.0.1:{node[1]}/recon/async: {{" in run(tmp_path, capsys, "-a", "-v")


def test_only_a_region(
    node: tuple[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ring(tmp_path, node, ("127.0.0.1", 1))
    assert "on 1 hosts" in run(tmp_path, capsys, "-a", "--region", "1")
    assert "on 1 hosts" in run(tmp_path, capsys, "-a", "-z", "1")
    assert "on 0 hosts" in run(tmp_path, capsys, "-a", "--region", "9")


def test_what_differs_is_told(
    node: tuple[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ring(tmp_path, node)
    text = run(tmp_path, capsys, "--md5", "--validate-servers", "-T", "--swift-versions")
    assert f"(object.ring.gz => {'0' * 32}) doesn't match on disk md5sum" in text
    assert "0/1 hosts matched, 1 error[s] while checking hosts." in text
    assert "(None) doesn't match on disk md5sum" in text
    assert "1/1 hosts ok, 0 error[s] while checking hosts." in text
    assert "Versions matched (1.2), 0 error[s]" in text


def test_everything_as_json(
    node: tuple[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ring(tmp_path, node)
    found = json.loads(run(tmp_path, capsys, "--all", "--json"))["object"]
    assert found["hosts"] == 1
    assert found["async"]["async_pending"]["total"] == 7
    assert found["replication"]["silent"] == {
        f"http://127.0.0.1:{node[1]}/recon/replication/object": "HTTP Error 404"
    }


def test_what_a_kind_of_server_does_not_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ring(tmp_path, ("127.0.0.1", 1))
    text = run(tmp_path, capsys, "--sharding", "--suppress", "-t", "1")
    assert "Error: Can't check sharding on non container servers." in text


def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_ring(tmp_path, ("127.0.0.1", 1))
    with pytest.raises(SystemExit) as leaving:
        main.main(["proxy", "-a"])
    assert leaving.value.code == 2
    assert main.main(["-a", "-p", "nothing", "--swiftdir", str(tmp_path)]) == 1
    assert main.main(["container", "-a", "--swiftdir", str(tmp_path)]) == 1
    assert main.main([]) == 0
    assert "usage: swiftlite-recon" in capsys.readouterr().out


def test_the_cron_job_counts_what_waits_of_all_policies(tmp_path: Path) -> None:
    for path in (
        "srv/sda1/async_pending/abc/one", "srv/sda1/async_pending/abc/two",
        "srv/sdb1/async_pending-2/def/three", "srv/sdb1/async_pending-x/def/no",
        "srv/sdb1/objects/7/abc", "srv/file",
    ):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    (tmp_path / "cache").mkdir()
    conf = tmp_path / "object-server.conf"
    conf.write_text(
        f"[DEFAULT]\ndevices = {tmp_path}/srv\nrecon_cache_path = {tmp_path}/cache\n"
        f"[filter:recon]\nrecon_lock_path = {tmp_path}/lock\n"
    )
    assert recon_cron.main([str(conf)]) == 0
    found = recon.load(make_host().disk, f"{tmp_path}/cache/object.recon")
    assert found["async_pending"] == 3
    assert isinstance(found["async_pending_last"], float)
    assert (tmp_path / "lock/swift-recon-object-cron/.lock").exists()


def test_a_cron_job_that_cannot_write_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "object-server.conf"
    conf.write_text(f"[DEFAULT]\nrecon_cache_path = {tmp_path}/nowhere\n"
                    f"[filter:recon]\nrecon_lock_path = {tmp_path}\n")  # fmt: skip
    assert recon_cron.main([str(conf)]) == 1
    assert "swiftlite-recon-cron: " in capsys.readouterr().err
