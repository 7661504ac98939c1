"""/metrics: what is counted, by one worker and by several, and what is told of the node."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from swiftlite.cluster import node_metrics
from swiftlite.host.plain import make_host
from swiftlite.middleware.metrics.counts import BOUNDS, Counts, SharedCounts
from swiftlite.middleware.metrics.filter import Metrics, _server_of
from swiftlite.middleware.metrics.options import MetricsOptions
from swiftlite.observe import recon
from swiftlite.observe.prometheus import GAUGE, Family, render
from swiftlite.service.daemon_metrics import passes
from swiftlite.service.progress import Progress
from swiftlite.testing.sim_disk import SimDisk
from tests.middleware.parts import Canned, ListLog, SendingBody, SetClock
from tests.web.environs import Answer, make_environ

Samples = dict[str, float]


class FakeProcess:
    def __init__(self, pid: int, living: set[int]) -> None:
        self.pid = pid
        self.living = living

    def alive(self, pid: int) -> bool:
        return pid in self.living


class Worker:
    def __init__(
        self, root: Path, app: Any = None, *, stores: bool = True, shared: bool = False,  # noqa: ANN401 - WSGI
        process: FakeProcess | None = None, mount_check: bool = True,
    ) -> None:  # fmt: skip
        self.clock = SetClock()
        parts: dict[str, Any] = {"clock": self.clock}
        if process is not None:
            parts["process"] = process
        self.host = dataclasses.replace(make_host(), **parts)
        self.app = app or Canned(200)
        options = MetricsOptions(
            recon_cache_path=f"{root}/cache", devices=f"{root}/srv",
            metrics_dir=f"{root}/run" if shared else "", mount_check=mount_check,
        )  # fmt: skip
        self.filter = Metrics(
            self.app, options, host=self.host, log=ListLog(),  # type: ignore[arg-type]
            server="object-server", stores=stores,
        )  # fmt: skip

    def ask(self, method: str = "GET", path: str = "/sda1/7/a/c/o") -> Answer:
        return Answer(self.filter, make_environ(method, path))

    def told(self) -> Samples:
        answer = self.ask("GET", "/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = {}
        for line in answer.body.decode().splitlines():
            if not line.startswith("#"):
                assert re.fullmatch(r'[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? -?[0-9.e+-]+', line), line
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found


def count_of(samples: Samples, method: str, status: str) -> float:
    labels = f'server="object-server",method="{method}",status="{status}"'
    return samples.get(f"swiftlite_http_request_duration_seconds_count{{{labels}}}", 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cache", "srv/sda1/quarantined/objects/x", "srv/sdb1"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def test_requests_are_counted_by_method_status_and_duration(root: Path) -> None:
    worker = Worker(root)
    times = iter((0.0005, 0.03, 100.0))

    def take_time(environ: dict[str, Any]) -> None:
        worker.clock.seconds += next(times)

    worker.app.then = take_time
    for _ in range(3):
        worker.ask("PUT")
    worker.app.then = lambda environ: None
    worker.app.status = 404
    worker.ask("GET")
    worker.ask("BREW")
    samples = worker.told()
    assert count_of(samples, "PUT", "2xx") == 3
    assert count_of(samples, "GET", "4xx") == 1
    assert count_of(samples, "other", "4xx") == 1
    assert count_of(samples, "GET", "2xx") == 0, "its own path is not counted"
    labels = 'server="object-server",method="PUT",status="2xx"'
    bucket = "swiftlite_http_request_duration_seconds_bucket"
    found = [samples[f'{bucket}{{{labels},le="{le}"}}'] for le in ("0.001", "0.025", "0.05", "30", "+Inf")]  # fmt: skip  # noqa: E501
    assert found == [1, 1, 2, 2, 3]
    assert samples[f"swiftlite_http_request_duration_seconds_sum{{{labels}}}"] == pytest.approx(
        100.0305
    )


def test_an_app_that_raises_counts_as_a_failure(root: Path) -> None:
    def broken(environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - PEP 3333
        raise RuntimeError

    worker = Worker(root, broken)
    with pytest.raises(RuntimeError):
        worker.ask("POST")
    assert count_of(worker.told(), "POST", "5xx") == 1


def test_bodies_pass_as_they_are(root: Path) -> None:
    body = SendingBody([b"x"])
    worker = Worker(root, Canned(200, body=body))
    returned = worker.filter(make_environ("GET", "/sda1/7/a/c/o"), lambda *_: lambda data: None)
    assert returned is body


def test_workers_tell_of_each_other_and_of_those_that_have_ended(root: Path) -> None:
    living = {101, 102}
    first = Worker(root, shared=True, process=FakeProcess(101, living))
    second = Worker(root, shared=True, process=FakeProcess(102, living))
    for _ in range(3):
        first.ask("PUT")
    second.ask("PUT")
    assert count_of(first.told(), "PUT", "2xx") == 4
    assert count_of(second.told(), "PUT", "2xx") == 4
    living.remove(101)
    for _ in range(2):
        assert count_of(second.told(), "PUT", "2xx") == 4
    third = Worker(root, shared=True, process=FakeProcess(103, {102, 103}))
    third.ask("PUT")
    assert count_of(third.told(), "PUT", "2xx") == 5
    assert sorted(os.listdir(root / "run")) == [
        "object-server-102.counts",
        "object-server-103.counts",
        "object-server-ended.counts",
        "object-server.lock",
    ]


def test_a_directory_that_cannot_be_had_leaves_each_worker_alone(root: Path) -> None:
    (root / "run").write_bytes(b"in the way")
    worker = Worker(root, shared=True)
    worker.ask("PUT")
    assert count_of(worker.told(), "PUT", "2xx") == 1


def test_what_is_told_of_a_storage_node(root: Path) -> None:
    caches: dict[str, dict[str, object]] = {
        "object": {
            "async_pending": 3, "object_replication_last": 1000.5, "object_replication_time": 2.0,
            "object_auditor_stats_ALL": {"sda1": {"passes": 5, "errors": 1}, "sdb1": {"passes": 2}},
        },
        "container": {
            "replication_last": 900, "replication_time": 1.5, "container_audits_failed": 1,
            "replication_stats": {"failure": 4},
        },
        "drive": {"drive_audit_errors": 2},
    }  # fmt: skip
    for name, updates in caches.items():
        recon.dump(make_host().disk, f"{root}/cache/{name}.recon", updates)
    samples = Worker(root).told()
    expected = {
        "swiftlite_async_pending": 3,
        'swiftlite_replication_last_timestamp_seconds{type="object"}': 1000.5,
        'swiftlite_replication_duration_seconds{type="object"}': 120,
        'swiftlite_replication_last_timestamp_seconds{type="container"}': 900,
        'swiftlite_replication_duration_seconds{type="container"}': 1.5,
        'swiftlite_replication_failures{type="container"}': 4,
        'swiftlite_object_auditor_passes{scan="ALL"}': 7,
        'swiftlite_object_auditor_errors{scan="ALL"}': 1,
        'swiftlite_database_audits_failed{type="container"}': 1,
        "swiftlite_drive_errors": 2,
        'swiftlite_device_mounted{device="sda1"}': 0,
        'swiftlite_quarantined{type="objects",policy="0"}': 1,
        'swiftlite_quarantined{type="containers",policy=""}': 0,
    }
    assert {name: samples.get(name) for name in expected} == expected
    assert 'swiftlite_replication_last_timestamp_seconds{type="account"}' not in samples


def test_what_is_told_of_the_process(root: Path) -> None:
    samples = Worker(root, stores=False).told()
    own = f'{{pid="{os.getpid()}"}}'
    assert samples["process_resident_memory_bytes" + own] > 1_000_000
    assert samples["process_cpu_seconds_total" + own] > 0
    assert samples["process_open_fds" + own] > 2
    age = time.time() - samples["process_start_time_seconds" + own]
    assert -2 < age < 3600
    assert not any("device" in name for name in samples)


def test_each_worker_is_told_of_as_a_process(root: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        try:
            own, living = os.getpid(), {os.getpid(), other.pid}
            first = Worker(root, shared=True, process=FakeProcess(own, living))
            Worker(root, shared=True, process=FakeProcess(other.pid, living))
            Worker(root, shared=True, process=FakeProcess(10**7, living))  # has ended
            samples = first.told()
        finally:
            other.kill()
    found = {name for name in samples if name.startswith("process_resident")}
    assert found == {f'process_resident_memory_bytes{{pid="{pid}"}}' for pid in living}


def test_a_directory_counts_as_mounted_where_mounts_are_not_asked_for(root: Path) -> None:
    samples = Worker(root, mount_check=False).told()
    assert samples['swiftlite_device_mounted{device="sda1"}'] == 1
    assert samples['swiftlite_device_read_only{device="sda1"}'] == 0
    assert samples['swiftlite_device_size_bytes{device="sda1"}'] > 0


def test_a_device_that_gives_errors_is_not_mounted(root: Path) -> None:
    disk = SimDisk(1)
    for device in ("sda1", "sdb1"):
        disk.makedirs(f"{root}/srv/{device}")
        disk.mounts.add(f"{root}/srv/{device}")
    disk.broken[f"{root}/srv/sdb1"] = errno.EIO
    families = node_metrics.devices(disk, f"{root}/srv", mount_check=True)
    (mounted,) = (family for family in families if family.name == "swiftlite_device_mounted")
    states = {labels["device"]: value for _, labels, value in mounted.samples}
    assert states == {"sda1": 1, "sdb1": 0}


def test_labels_and_helps_are_escaped() -> None:
    family = Family("x", GAUGE, "one\ntwo \\ three")
    family.add(1.5, device='a"b\\c\nd')
    family.add(None, device="nobody knows")
    assert render([family, Family("empty", GAUGE, "never told")]).decode() == (
        '# HELP x one\\ntwo \\\\ three\n# TYPE x gauge\nx{device="a\\"b\\\\c\\nd"} 1.5\n'
    )


def test_a_status_that_is_none_is_not_counted() -> None:
    counts = Counts()
    for status in ("0 x", "700 x", "x"):
        counts.note("GET", status, 0.1)
    assert list(counts.rows()) == []
    counts.note("GET", "204 No Content", BOUNDS[0])
    ((method, kind, buckets, seconds),) = counts.rows()
    assert (method, kind, buckets[0], seconds) == ("GET", "2xx", 1, BOUNDS[0])


def test_counts_survive_a_torn_file_of_another_worker(root: Path) -> None:
    living = {101, 102}
    own = dataclasses.replace(make_host(), process=FakeProcess(101, living))  # type: ignore[arg-type]
    (root / "run").mkdir()
    (root / "run/s-102.counts").write_bytes(b"short")
    (root / "run/s-x.counts").write_bytes(b"")
    shared = SharedCounts(own, f"{root}/run", "s")
    shared.own.note("GET", "200", 0.1)
    assert any(method == "GET" and sum(buckets) for method, _, buckets, _ in shared.total().rows())


def test_the_label_is_the_section_of_the_app(tmp_path: Path) -> None:
    conf = tmp_path / "x.conf"
    conf.write_text("[pipeline:main]\npipeline = metrics healthcheck object-server\n")
    assert _server_of(str(conf)) == "object-server"
    assert _server_of("") == "server"


ROOT = Path(__file__).parents[2]
NAMED_IN = (
    "doc/operations/metrics.md",
    "etc/prometheus/swiftlite.rules.yml",
    "etc/grafana/swiftlite.json",
)
_NAME = re.compile(r"\b(?:swiftlite|process)_[a-z_]+[a-z]\b")
_SUFFIX = re.compile(r"_(bucket|count|sum)$")


def names_told(root: Path) -> set[str]:
    """Of every metric that there is: a mounted device, and daemons that have reported."""
    disk = SimDisk()
    for folder in ("cache", "srv/sda1"):
        disk.makedirs(f"{root}/{folder}")
    disk.mounts.add(f"{root}/srv/sda1")
    stats = {"passes": 1, "errors": 1, "quarantined": 1, "bytes_processed": 1}
    caches: dict[str, dict[str, object]] = {
        "object": {
            "async_pending": 1, "object_auditor_stats_ALL": stats, "object_updater_sweep": 1.5,
            "expired_last_pass": 1, "object_expiration_pass": 1.5,
        },
        "container": {
            "replication_last": 1, "replication_time": 1, "replication_stats": {"failure": 1},
            "container_audits_failed": 1,
        },
        "drive": {"drive_audit_errors": 1},
    }  # fmt: skip
    for name, updates in caches.items():
        recon.dump(disk, f"{root}/cache/{name}.recon", updates)
    families = [
        *node_metrics.devices(disk, f"{root}/srv", mount_check=True),
        *node_metrics.daemons(disk, f"{root}/cache"),
        *node_metrics.process(make_host().disk, [os.getpid()]),
        *passes({"object-updater": Progress(1, 0, 1.0, 1.0)}),
    ]
    assert all(family.samples for family in families)
    return {family.name for family in families} | {"swiftlite_http_request_duration_seconds"}


@pytest.mark.parametrize("path", NAMED_IN)
def test_documents_rules_and_dashboard_name_only_what_is_told(root: Path, path: str) -> None:
    named = {_SUFFIX.sub("", name) for name in _NAME.findall((ROOT / path).read_text())}
    assert named <= names_told(root)
    if path.startswith("doc"):
        assert named == names_told(root)


def test_the_dashboard_is_json_whose_panels_do_not_overlap() -> None:
    board = json.loads((ROOT / "etc/grafana/swiftlite.json").read_text())
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places) == 14
    assert len({panel["id"] for panel in board["panels"]}) == 14
