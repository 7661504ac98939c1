"""`swiftlite server DIR` as a person meets it: start, credentials, stop, start again."""

from __future__ import annotations

import http.client
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import HOST, ServerName
from tests.functional.cluster import (
    REPOSITORY,
    Client,
    Embedded,
    free_block,
    free_port,
    is_gone,
    wait_for,
)

pytestmark = pytest.mark.slow


def test_it_says_where_it_is_with_which_credentials_and_what_to_type(embedded: Embedded) -> None:
    banner = embedded.banner
    assert f"http://127.0.0.1:{embedded.port}/auth/v1.0" in banner
    assert "4 devices, 3 replicas" in banner
    assert "ST_USER=test:tester ST_KEY=testing" in banner
    assert re.search(r"swift upload photos", banner)
    assert "curl -i" in banner


def test_every_server_is_a_process_that_can_be_found(embedded: Embedded) -> None:
    pids = embedded.pids()
    assert len(set(pids.values())) == 13
    for server, pid in pids.items():
        title = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert title.startswith(f"swiftlite-{server.kind}-server")


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ("admin:admin", "admin"),
        ("test:tester", "testing"),
        ("test2:tester2", "testing2"),
        ("test:tester3", "testing3"),
        ("test5:tester5", "testing5"),
    ],
)
def test_the_well_known_users_can_log_in(embedded: Embedded, user: str, key: str) -> None:
    client = embedded.client(user, key)
    assert client.account_path == "/v1/AUTH_" + user.split(":")[0]
    client.close()


def test_the_credential_in_openrc_is_the_owners(embedded: Embedded) -> None:
    words = shlex.split(embedded.layout.openrc.read_text())
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    assert embedded.layout.openrc.stat().st_mode & 0o077 == 0
    assert settings["ST_AUTH"] == f"http://127.0.0.1:{embedded.port}/auth/v1.0"
    owner = embedded.client(settings["ST_USER"], settings["ST_KEY"])
    assert owner.put("/mine").status == 201
    owner.close()


def test_a_second_start_is_refused_while_the_first_runs(embedded: Embedded) -> None:
    second = run("server", str(embedded.layout.root), "--port", str(free_port()))
    assert second.returncode == 1
    assert "is running already" in second.stderr
    assert second.stderr.count("\n") == 1


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "swiftlite.cli.main", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_data_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    cluster = Embedded(tmp_path / "cluster", nodes=3, replicas=2).start()
    try:
        client = cluster.client()
        assert client.put("/c").status == 201
        assert client.put("/c/o", b"kept").status == 201
        pids = list(cluster.pids().values())
        assert cluster.stop() == 0
        assert all(map(is_gone, pids)), "every process has ended"
        for path in cluster.layout.root.rglob("*-wal"):
            raise AssertionError(f"a database was not closed: {path}")
        cluster.start()
        client = cluster.client()
        assert client.get("/c/o").body == b"kept"
        assert client.get("/c").lines == ["o"]
    finally:
        if cluster.process is not None and cluster.process.poll() is None:
            cluster.kill()


def test_without_test_users_only_the_owner_can_log_in(tmp_path: Path) -> None:
    root, port = tmp_path / "cluster", free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "swiftlite.cli.main", "server", str(root)),
            *("--port", str(port), "--storage-port", str(free_block(1))),
            *("--devices", "1", "--workers", "1"),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        banner = []
        for line in process.stdout:
            banner.append(line)
            if line.startswith("Ctrl-C"):
                break
        assert f". {root}/openrc" in "".join(banner)
        key = re.search(r"ST_KEY=(\S+)", (root / "openrc").read_text())
        assert key is not None
        assert key[1] not in "".join(banner)
        owner = Client(port, "main:owner", key[1]).log_in()
        assert owner.put("/c").status == 201
        stranger = Client(port)
        answer = stranger.send(
            "GET", "/auth/v1.0", headers={"X-Auth-User": "test:tester", "X-Auth-Key": "testing"}
        )
        assert answer.status == 401
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_server_that_is_killed_is_back(embedded: Embedded) -> None:
    server = ServerName("account", 2)
    before = embedded.pid(server)
    os.kill(before, 9)

    def is_back() -> bool:
        if embedded.pid(server) == before:
            return False
        connection = http.client.HTTPConnection(HOST, embedded.layout.port(server), timeout=10)
        try:
            connection.request("GET", "/healthcheck")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    wait_for(is_back, "the server is started again")
    assert embedded.process is not None
    assert embedded.process.poll() is None


def test_a_port_in_use_is_one_sentence(tmp_path: Path, embedded: Embedded) -> None:
    outcome = run("server", str(tmp_path / "other"), "--port", str(embedded.port))
    assert outcome.returncode == 1
    assert f"Port {embedded.port} is in use" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
