"""The tools that talk to a running cluster: dispersion, account-audit, container-deleter."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.cluster import Client, Embedded, wait_for

BIN = Path(__file__).parents[2] / "bin"


def run(command: str, *words: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, str(BIN / f"swiftlite-{command}"), *map(str, words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def conf(embedded: Embedded, client: Client, tmp_path: Path) -> Path:
    path = tmp_path / "dispersion.conf"
    path.write_text(
        f"[dispersion]\nauth_url = http://127.0.0.1:{client.port}/auth/v1.0\n"
        "auth_user = test:tester\nauth_key = testing\nretries = 0\ndispersion_coverage = 1\n"
        f"swift_dir = {embedded.layout.root}/etc\n"
    )
    return path


def test_copies_are_found_and_those_missing_are_told(conf: Path, embedded: Embedded) -> None:
    code, said, _ = run("dispersion-populate", conf, "--json")
    assert code == 0
    made = json.loads(said)
    assert made["object"]["created"] == made["container"]["created"] == 10
    code, said, _ = run("dispersion-report", conf, "-j")
    report = json.loads(said)
    assert report["container"]["pct_found"] == 100.0
    assert report["object"]["copies_found"] == 30
    embedded.lose_device(1)
    try:
        code, said, complaint = run("dispersion-report", conf, "--object-only", "-p")
    finally:
        embedded.return_device(1)
    assert code == 0
    assert re.search(r"There (was|were) \d+ partitions? missing 1 copy\.", said)
    assert "100.00% of object copies found" not in said
    assert complaint.count("/d1 is unmounted") == 1
    assert "missing 1 copy" in complaint


def test_a_second_populate_may_add_to_the_first(conf: Path) -> None:
    run("dispersion-populate", conf, "--container-only")
    code, said, _ = run("dispersion-populate", conf, "--container-only", "--no-overlap")
    assert code == 0
    assert "Total container coverage is now 1.95%." in said


def test_who_may_not_log_in_is_told(conf: Path) -> None:
    conf.write_text(conf.read_text().replace("auth_key = testing", "auth_key = wrong"))
    code, _, complaint = run("dispersion-report", conf)
    assert code == 1
    assert "answers 401" in complaint
    assert run("dispersion-populate", conf.with_name("none.conf"))[0] == 1


def test_an_audit_finds_what_a_node_has_lost(embedded: Embedded, client: Client) -> None:
    client.put("/audited")
    for number in range(3):
        client.put(f"/audited/o{number}", b"x" * number)
    path = "AUTH_test/audited"
    etc = embedded.layout.root / "etc"
    wait_for(
        lambda: '"faulty": []' in run("account-audit", "-r", etc, "-d", "--json", path)[1],
        "every replica to have been told",
    )
    node = embedded.nodes_of("object", "AUTH_test", "audited", "o1")[0]
    errors = embedded.layout.root / "errors.txt"
    embedded.lose_device(node)
    try:
        code, said, _ = run("account-audit", "-r", etc, "-e", errors, f"{path}/o1")
    finally:
        embedded.return_device(node)
    assert code == 0
    assert "Bad status 507 HEADing object" in said
    assert "  Missing Replicas: 1" in said
    assert "/AUTH_test/audited/o1" in errors.read_text().splitlines()


def test_objects_are_left_to_the_expirer(
    embedded: Embedded, client: Client, tmp_path: Path
) -> None:
    client.put("/doomed")
    for name in ("a1", "a2", "b1"):
        client.put(f"/doomed/{name}", b"x")
    conf = tmp_path / "internal-client.conf"
    conf.write_text(
        f"[DEFAULT]\nswift_dir = {embedded.layout.root}/etc\n"
        "[pipeline:main]\npipeline = catch_errors cache proxy-server\n"
        "[app:proxy-server]\nuse = egg:swiftlite#proxy\naccount_autocreate = true\n"
        "[filter:cache]\nuse = egg:swiftlite#memcache\n"
        "[filter:catch_errors]\nuse = egg:swiftlite#catch_errors\n"
    )
    wait_for(lambda: client.get("/doomed").lines == ["a1", "a2", "b1"], "the listing")
    code, said, _ = run(
        "container-deleter", "--config", conf, "AUTH_test", "doomed", "--prefix", "a", "--json"
    )
    assert code == 0
    assert json.loads(said) == {"marked": 2, "through": None, "finished": True}
    wait_for(lambda: client.get("/doomed").lines == ["b1"], "the expirer")
    code, _, complaint = run("container-deleter", "--config", tmp_path / "none", "a", "c")
    assert code == 1
    assert "none" in complaint


def doctor(embedded: Embedded) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, str(BIN / "swiftlite"), "doctor", "--all", "--json", "-t", "20",
         "-d", str(embedded.layout.root / "etc")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, [one["name"] for one in json.loads(done.stdout)]


def test_a_cluster_that_is_well_and_one_that_has_lost_a_disk(embedded: Embedded) -> None:
    wait_for(lambda: doctor(embedded) == (0, []), "every daemon to run")
    embedded.lose_device(2)
    try:
        code, names = doctor(embedded)
    finally:
        embedded.return_device(2)
    assert code == 1
    assert "device-missing" in names
