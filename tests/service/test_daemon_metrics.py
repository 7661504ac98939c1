"""/metrics of daemons: what a page says, and that real daemons serve it at their ports."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from swiftlite.host.plain import make_host
from swiftlite.observe import recon
from swiftlite.service.daemon_metrics import MetricsPage, Node
from swiftlite.service.progress import Progress
from tests.service.test_daemon_main import UPDATER, write_conf

TOGETHER = """
import sys
from swiftlite.container.updater.daemon import SPEC as CONTAINERS
from swiftlite.obj.updater.daemon import SPEC as OBJECTS
from swiftlite.service.daemon_plan import plan_daemon
from swiftlite.service.daemon_process import run_together
plans = [plan_daemon(spec, sys.argv[1]) for spec in (OBJECTS, CONTAINERS)]
run_together(plans, "together", lambda: None)
"""
NODE_CONF = "metrics_port = {port}\n[app:object-server]\nuse = egg:swiftlite#object\n"


def asked(page: MetricsPage, method: str = "GET", path: str = "/metrics") -> tuple[str, str]:
    told: list[str] = []
    body = page(
        {"REQUEST_METHOD": method, "PATH_INFO": path}, lambda status, headers: told.append(status)
    )
    return told[0], b"".join(body).decode()


def samples(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_page_tells_of_each_daemon_of_its_node_and_of_itself(tmp_path: Path) -> None:
    host = make_host()
    (tmp_path / "srv" / "sda1").mkdir(parents=True)
    recon.dump(host.disk, f"{tmp_path}/object.recon", {"async_pending": 3, "replication_last": 5})
    daemons = {"object-updater": Progress(7, 1, 2.5, 1000.5), "object-replicator": Progress()}
    page = MetricsPage(host, daemons, Node(str(tmp_path), f"{tmp_path}/srv"))
    status, text = asked(page)
    found = samples(text)
    assert status == "200 OK"
    assert found['swiftlite_daemon_steps_total{daemon="object-updater"}'] == 7
    assert found['swiftlite_daemon_step_failures_total{daemon="object-updater"}'] == 1
    assert found['swiftlite_daemon_working_seconds_total{daemon="object-updater"}'] == 2.5
    last = "swiftlite_daemon_last_step_timestamp_seconds"
    assert found[f'{last}{{daemon="object-updater"}}'] == 1000.5
    assert f'{last}{{daemon="object-replicator"}}' not in found
    assert found["swiftlite_async_pending"] == 3
    assert found['swiftlite_replication_last_timestamp_seconds{type="object"}'] == 5
    assert found['swiftlite_device_mounted{device="sda1"}'] == 0
    assert found['swiftlite_quarantined{type="objects",policy="0"}'] == 0
    assert found[f'process_resident_memory_bytes{{pid="{os.getpid()}"}}'] > 1 << 20


def test_daemons_of_no_storage_node_tell_of_no_devices(tmp_path: Path) -> None:
    page = MetricsPage(make_host(), {"object-expirer": Progress()}, Node(str(tmp_path)))
    assert "swiftlite_device" not in asked(page)[1]


def test_what_is_not_there_is_said_so(tmp_path: Path) -> None:
    page = MetricsPage(make_host(), {}, Node(str(tmp_path)))
    assert asked(page, path="/")[0] == "404 Not Found"
    assert asked(page, method="POST")[0] == "405 Method Not Allowed"


def free_ports(count: int) -> int:
    """The first of so many in a row that nobody has."""
    for first in range(24_000, 32_000, count):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise AssertionError("no ports")


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        daemon = subprocess.Popen(command, stderr=file)
    try:
        yield
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=30) == 0


def fetched(port: int) -> dict[str, float]:
    """Once it can be had, and the daemon has made a step."""
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                found = samples(answer.read().decode())
            if any(name.startswith("swiftlite_daemon_last_step") for name in found):
                return found
        except urllib.error.URLError:
            pass
        assert time.monotonic() < until, f"nothing at {port}"
        time.sleep(0.02)


def test_a_daemon_tells_its_metrics_and_so_does_each_of_its_workers(tmp_path: Path) -> None:
    port = free_ports(2)
    conf = write_conf(
        tmp_path, NODE_CONF.format(port=port) + "[object-updater]\nupdater_workers = 2\n"
    )
    with running([*UPDATER, conf], tmp_path / "log"):
        for at in (port, port + 1):
            assert fetched(at)['swiftlite_daemon_steps_total{daemon="object-updater"}'] >= 1


def test_daemons_of_one_process_share_a_page_and_a_port_that_is_taken_is_waited_for(
    tmp_path: Path,
) -> None:
    port = free_ports(1)
    conf = write_conf(tmp_path, NODE_CONF.format(port=port))
    log = tmp_path / "log"
    script = TOGETHER.replace("import sys", "import sys\nimport swiftlite.service.daemon_metrics as m\nm._AGAIN_S = 0.05", 1)  # fmt: skip  # noqa: E501
    with socket.create_server(("127.0.0.1", port)) as other:
        command = [sys.executable, "-c", script, conf]
        with running(command, log):
            while "cannot be told" not in log.read_text():
                time.sleep(0.02)
            other.close()
            found = fetched(port)
            told = {match for name in found for match in re.findall('daemon="([^"]*)"', name)}
            assert told == {"object-updater", "container-updater"}
    assert log.read_text().count("cannot be told") == 1


def test_who_runs_once_listens_nowhere(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        conf = write_conf(tmp_path, NODE_CONF.format(port=other.getsockname()[1]))
        done = subprocess.run([*UPDATER, conf, "once"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "cannot be told" not in done.stderr
