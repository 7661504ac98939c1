"""What the background daemons of an embedded cluster do, by themselves and when asked to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from swiftlite.cli.embedded.daemons import DAEMONS
from swiftlite.cluster import conf as cluster_conf
from swiftlite.formats.async_pending import AsyncPending, async_pending_name, encode_async_pending
from swiftlite.host.os_clock import OsClock
from swiftlite.vocab.timestamp import Timestamp
from tests.functional.cluster import REPOSITORY, Client, Embedded, wait_for

pytestmark = pytest.mark.slow
ACCOUNT = "AUTH_test"


def pid_of(embedded: Embedded, name: str) -> int | None:
    """None before it has said so."""
    try:
        return int((embedded.layout.run / f"{name}.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None


def run_once(embedded: Embedded, daemon: str, node: int) -> None:
    """A daemon of one node by its own command, as an operator would."""
    conf = embedded.layout.etc / f"{daemon.partition('-')[0]}-server" / f"{node}.conf"
    command = [sys.executable, str(REPOSITORY / "bin" / f"swiftlite-{daemon}"), str(conf), "--once"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_daemon_has_its_section_in_the_confs(embedded: Embedded) -> None:
    for daemon in DAEMONS:
        if daemon.once_a_cluster:
            conf = embedded.layout.etc / f"{daemon.name}.conf"
        else:
            conf = embedded.layout.etc / f"{daemon.kind}-server" / "1.conf"
        assert f"\n[{daemon.name}]\n" in conf.read_text()


def test_daemons_that_are_killed_are_back(embedded: Embedded) -> None:
    wait_for(lambda: pid_of(embedded, "daemons-2"), "the daemons have started")
    before = pid_of(embedded, "daemons-2")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: pid_of(embedded, "daemons-2") not in (before, None), "it is another process")


def test_an_object_expires_without_being_asked_for(client: Client) -> None:
    assert client.put("/expires").status == 201
    assert client.put("/expires/soon", b"x", X_Delete_After="1").status == 201
    assert client.put("/expires/later", b"x", X_Delete_After="1000").status == 201
    wait_for(lambda: client.get("/expires").lines == ["later"], "the listing forgets it")
    assert client.get("/expires/soon").status == 404
    assert client.get("/expires/later").status == 200


def test_an_update_on_disk_is_delivered(embedded: Embedded, client: Client) -> None:
    assert client.put("/late").status == 201
    now = Timestamp.from_seconds(OsClock().wall())
    headers = {
        "X-Timestamp": now.internal, "X-Size": "7", "X-Content-Type": "text/plain",
        "X-Etag": "e" * 32, "X-Backend-Storage-Policy-Index": "0",
    }  # fmt: skip
    update = AsyncPending("PUT", ACCOUNT, "late", "row", headers)
    hash_path = cluster_conf.load(str(embedded.layout.etc)).hash_path
    name = async_pending_name(hash_path.hex(ACCOUNT, "late", "row"), now)
    path = embedded.layout.device(3) / "async_pending" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_async_pending(update))
    wait_for(lambda: client.get("/late").lines == ["row"], "the container lists it")
    wait_for(lambda: not path.exists(), "the file has gone")


def test_what_a_deleted_account_held_is_reaped(embedded: Embedded) -> None:
    owner = embedded.client("test2:tester2", "testing2")
    for number in range(5):
        assert owner.put(f"/c{number}").status == 201
        assert owner.put(f"/c{number}/ö", b"x").status == 201
    admin = embedded.client("admin:admin", "admin")
    answer = admin.send("DELETE", owner.account_path, headers=admin.with_token())
    assert answer.status == 204
    account = owner.account_path.removeprefix("/v1/")
    nodes = embedded.nodes_of("account", account)
    for node in nodes:
        run_once(embedded, "account-reaper", node)
    hash_path = cluster_conf.load(str(embedded.layout.etc)).hash_path
    for number in range(5):
        digest = hash_path.hex(account, f"c{number}", "ö")
        found: list[Path] = []
        for node in (1, 2, 3, 4):
            found += embedded.files(node, f"objects/*/{digest[-3:]}/{digest}/*")
        assert {path.suffix for path in found} == {".ts"}, found
    for file in (embedded.layout.logs).glob("account-reaper-*.log"):
        assert "Traceback" not in file.read_text()


def test_daemons_leave_their_figures_for_recon(embedded: Embedded) -> None:
    for daemon, kind, key in (
        ("object-updater", "object", "object_updater_sweep"),
        ("container-updater", "container", "container_updater_sweep"),
    ):
        run_once(embedded, daemon, 1)
        cache = json.loads((embedded.layout.recon(1) / f"{kind}.recon").read_text())
        assert isinstance(cache[key], float)


def test_an_expirer_beside_an_object_server_uses_the_internal_client(
    embedded: Embedded, client: Client, tmp_path: Path
) -> None:
    conf = tmp_path / "object-server.conf"
    sample = REPOSITORY / "etc" / "internal-client.conf-sample"
    conf.write_text(
        f"[DEFAULT]\nswift_dir = {embedded.layout.etc}\nrecon_cache_path = {tmp_path}\n"
        f"[object-expirer]\ndequeue_from_legacy = true\ninternal_client_conf_path = {sample}\n"
        "delay_reaping_AUTH_test/delayed = 1000\n"
    )
    for container in ("beside", "delayed"):
        assert client.put(f"/{container}").status == 201
        assert client.put(f"/{container}/o", b"x", X_Delete_After="1").status == 201
    command = [sys.executable, str(REPOSITORY / "bin" / "swiftlite-object-expirer"), str(conf)]

    def has_expired() -> bool:
        done = subprocess.run([*command, "once"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "no option is called" not in done.stderr
        return client.get("/beside").lines == []

    wait_for(has_expired, "the object has expired")
