from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from swiftlite.config.load import ConfError
from swiftlite.config.option import opt
from swiftlite.service.daemon_plan import Orders, plan_daemon
from swiftlite.service.passes import Busy, DaemonContext, DaemonSpec, Idle

REPOSITORY = Path(__file__).parents[2]
UPDATER = [sys.executable, str(REPOSITORY / "bin" / "swiftlite-object-updater")]


@dataclass(frozen=True, slots=True)
class SweeperOptions:
    interval: float = opt(30.0, "Pause.", minimum=0)


class Sweeper:
    def __init__(self, context: DaemonContext, options: SweeperOptions) -> None: ...

    def step(self) -> Busy | Idle:
        return Idle(1.0)

    def close(self) -> None: ...


SPEC = DaemonSpec("object-sweeper", (SweeperOptions,), Sweeper)


def write_conf(folder: Path, text: str) -> str:
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    conf = folder / "object-server.conf"
    conf.write_text(
        f"[DEFAULT]\nswift_dir = {folder}\ndevices = {folder}\nmount_check = false\n"
        f"recon_cache_path = {folder}\n{text}"
    )
    return str(conf)


def test_a_section_counts_before_the_defaults(tmp_path: Path) -> None:
    plan = plan_daemon(SPEC, write_conf(tmp_path, "interval = 7\n[object-sweeper]\ninterval = 5\n"))
    assert plan.own.interval == 5
    plan = plan_daemon(SPEC, write_conf(tmp_path, "interval = 7\n[object-server]\n"))
    assert plan.own.interval == 7


def test_what_server_and_daemon_share_is_the_daemons_else_the_servers_word(tmp_path: Path) -> None:
    conf = write_conf(
        tmp_path,
        "metadata_format = msgpack\n"
        "[app:object-server]\nmetadata_format = swift\nfallocate_reserve = 1%\n"
        "[object-sweeper]\nfallocate_reserve = 2%\n",
    )
    found = plan_daemon(SPEC, conf).node_conf
    assert found["metadata_format"] == "swift"
    assert found["fallocate_reserve"] == "2%"
    assert found["devices"] == str(tmp_path)


@pytest.mark.parametrize(
    "line", ["interval = soon", "nice_priority = 20", "ionice_class = IOPRIO_CLASS_FAST"]
)
def test_a_bad_value_is_refused_before_anything_runs(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfError, match=line.split()[0]):
        plan_daemon(SPEC, write_conf(tmp_path, f"[object-sweeper]\n{line}\n"), Orders(once=True))


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("[object-sweeper]\ninterval = 5\n", True),
        ("[object-sweeper]\nnice_priority = 5\n", False),
        ("[object-sweeper]\nionice_class = IOPRIO_CLASS_IDLE\n", False),
        ("user = nobody\n[object-sweeper]\n", False),
    ],
)
def test_what_concerns_a_process_is_not_shared(tmp_path: Path, text: str, may: bool) -> None:
    assert plan_daemon(SPEC, write_conf(tmp_path, text)).may_share == may


def test_once_does_one_pass_and_ends(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, "[object-updater]\nintervall = 5\nnice_priority = 5\n")
    done = subprocess.run([*UPDATER, conf, "once"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "started for one pass" in done.stderr
    assert "no option is called intervall; interval is one" in done.stderr
    assert "ended" in done.stderr
    assert "object_updater_sweep" in (tmp_path / "object.recon").read_text()


@pytest.mark.parametrize("words", [["once", "verbose"], ["-o", "-v"], ["--once", "verbose"]])
def test_words_and_options_say_the_same(tmp_path: Path, words: list[str]) -> None:
    conf = write_conf(tmp_path, f"log_file = {tmp_path}/log\n")
    done = subprocess.run(
        [*UPDATER, conf, *words, "-i", "0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "started for one pass" in done.stderr, "not in the conf's log"
    assert not (tmp_path / "log").exists()


def test_other_words_are_refused(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, "")
    done = subprocess.run([*UPDATER, conf, "twice"], capture_output=True, text=True, check=False)
    assert done.returncode == 2


def test_workers_that_are_done_end_the_daemon(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, "[object-updater]\nupdater_workers = 2\n")
    done = subprocess.run([*UPDATER, conf, "--once"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("started for one pass") == 2, done.stderr


def test_a_daemon_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, "[object-updater]\nconcurrency = none\n")
    done = subprocess.run([*UPDATER, conf], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "concurrency" in done.stderr


def test_sigterm_wakes_a_daemon_that_waits(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, "[object-updater]\ninterval = 10000\n")
    daemon = subprocess.Popen([*UPDATER, conf], stderr=subprocess.PIPE, text=True)
    assert daemon.stderr is not None
    while "started" not in daemon.stderr.readline():
        assert daemon.poll() is None
    while not (tmp_path / "object.recon").exists():  # the first sweep is over
        time.sleep(0.02)
    daemon.send_signal(signal.SIGTERM)
    _, told = daemon.communicate(timeout=30)
    assert daemon.returncode == 0
    assert "ended" in told
