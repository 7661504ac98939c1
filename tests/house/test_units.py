"""The systemd units: systemd understands them, and what they start tells it that it is ready."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.nodes import make_swift_dir
from tests.house.source import REPOSITORY
from tests.service.test_wsgi_main import free_ports
from tools.render_units import services

UNITS = REPOSITORY / "etc" / "systemd"
PLAIN = sorted(path.name for path in services() if "@" not in path.name)
ANALYZE = shutil.which("systemd-analyze")


def verify(folder: Path) -> str:
    """What systemd says of all units of a folder, templates as an instance."""
    names = [
        str(path).replace("@.service", "@1.service")
        for path in sorted(folder.iterdir())
        if path.suffix in (".service", ".target", ".timer")
    ]
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode == 0 else f"status {done.returncode}: {done.stderr}"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they would be if the launchers of this checkout were in /usr/bin."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/usr/bin/swiftlite", f"{REPOSITORY}/bin/swiftlite")
        (tmp_path / unit.name).write_text(text)
    return tmp_path


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_accepts_every_unit(installed: Path) -> None:
    assert verify(installed) == ""


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_would_say_what_is_wrong(installed: Path) -> None:
    unit = installed / PLAIN[0]
    unit.write_text(unit.read_text().replace("ProtectSystem=full", "ProtectSystem=perhaps"))
    assert "perhaps" in verify(installed)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens with."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(0.5)
        yield made


def hear(manager: socket.socket, server: subprocess.Popen[str], words: set[bytes]) -> None:
    """Listen until every word was said."""
    missing = set(words)
    while missing:
        try:
            missing -= set(manager.recv(4096).splitlines())
        except TimeoutError:
            assert server.poll() is None, server.communicate()[1]


@pytest.mark.slow
@pytest.mark.parametrize("unit", PLAIN)
def test_what_a_unit_starts_becomes_ready_stays_alive_and_stops(
    unit: str, tmp_path: Path, manager: socket.socket
) -> None:
    found = re.search(r"^ExecStart=/usr/bin/(.*)$", (UNITS / unit).read_text(), re.MULTILINE)
    assert found is not None
    command, conf = shlex.split(found[1])
    kind = Path(conf).name.partition("-")[0]
    etc = make_swift_dir(tmp_path / "etc")
    (etc / Path(conf).name).write_text(
        f"[DEFAULT]\nbind_port = {free_ports(1)[0]}\nworkers = 1\nswift_dir = {etc}\n"
        f"devices = {tmp_path}\nmount_check = false\nrecon_cache_path = {tmp_path}\n"
        f"[pipeline:main]\npipeline = {kind}-server\n"
        f"[app:{kind}-server]\nuse = egg:swiftlite#{kind}\n"
        f"[{unit.removeprefix('swiftlite-').removesuffix('.service')}]\n"
        f"internal_client_conf_path = {etc}/internal-client.conf\n"
    )
    (etc / "internal-client.conf").write_text(
        "[pipeline:main]\npipeline = proxy-server\n[app:proxy-server]\nuse = egg:swiftlite#proxy\n"
    )
    environ = {
        "NOTIFY_SOCKET": manager.getsockname(),
        "WATCHDOG_USEC": "400000",
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    server = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "bin" / command), str(etc / Path(conf).name)],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        hear(manager, server, {b"READY=1", b"WATCHDOG=1"})
        server.send_signal(signal.SIGTERM)
        hear(manager, server, {b"STOPPING=1"})
        _, said = server.communicate(timeout=20)
        assert server.returncode == 0, said
    finally:
        server.kill()
        server.communicate()
