"""/recon of ours beside OpenStack Swift's recon filter, over the same devices, caches and rings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from swiftlite.middleware.recon.caches import CACHED
from tests.middleware.test_recon import Node

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PEER = """
import json, sys
import swift.common.utils.config as config
conf, checks = json.loads(sys.argv[1]), json.loads(sys.argv[2])
config.SWIFT_CONF_FILE = conf["swift_dir"] + "/swift.conf"
from swift.common import utils
utils.SWIFT_CONF_FILE = config.SWIFT_CONF_FILE
from swift.common.storage_policy import reload_storage_policies
reload_storage_policies()
from swift.common.middleware import recon
recon.SWIFT_CONF_FILE = config.SWIFT_CONF_FILE
from swift.common.swob import Request
app = recon.ReconMiddleware(None, conf)
for check in checks:
    answer = Request.blank("/recon/" + check).get_response(app)
    print(json.dumps([check, answer.status_int, answer.content_type, answer.body.decode()]))
"""
OURS_ALONE = {"partitions"}
EQUAL = (
    *CACHED.keys() - OURS_ALONE, "devices", "diskusage", "mounted", "quarantined", "ringmd5",
    "swiftconfmd5", "unmounted", "nonsense", "updater", "updater/account", "expirer/container",
)  # fmt: skip
SAME_KEYS = ("mem", "load", "sockstat", "version")


def fill(node: Node) -> None:
    for path in ("sda1/quarantined/objects/a", "sda1/quarantined/objects-1/b", "sdb1/tmp"):
        (node.root / "devices" / path).mkdir(parents=True)
    (node.root / "devices/file").write_bytes(b"")
    (node.root / "etc/swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = x\n[storage-policy:0]\nname = gold\ndefault = yes\n"
        "[storage-policy:2]\nname = silver\n"
    )
    for name in ("account", "object-2"):
        (node.root / f"etc/{name}.ring.gz").write_bytes(name.encode())
    node.cache("object", async_pending=3, async_pending_last=1.5, object_updater_sweep=2.5)
    nested = {"sda1": {"passes": 3, "errors": 0, "audit_time": 1.5}}
    node.cache("object", object_auditor_stats_ALL=nested, replication_stats={"attempted": 1})
    node.cache("container", container_audits_passed=3, sharding_stats={"a": {"b": 1}})
    node.cache("drive", drive_audit_errors=2)
    (node.root / "cache/relinker.recon").write_text("")


def theirs(python: str, node: Node, checks: tuple[str, ...]) -> dict[str, tuple[int, str, Any]]:
    conf = {
        "devices": f"{node.root}/devices",
        "recon_cache_path": f"{node.root}/cache",
        "swift_dir": f"{node.root}/etc",
    }
    done = subprocess.run(
        [python, "-c", PEER, json.dumps(conf), json.dumps(checks)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("["):
            check, status, content_type, body = json.loads(line)
            is_json = content_type == "application/json"
            found[check] = (status, content_type, json.loads(body) if is_json else body)
    return found


def in_order(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Lists of devices and mounts come in no order."""
    if isinstance(value, list):
        return sorted((in_order(item) for item in value), key=repr)
    if isinstance(value, dict):
        return {key: in_order(item) for key, item in value.items()}
    return value


def test_every_check_answers_as_swifts_does(swift_python: str, tmp_path: Path) -> None:
    node = Node(tmp_path)
    fill(node)
    told = theirs(swift_python, node, (*EQUAL, *SAME_KEYS))
    for check in EQUAL:
        status, _, expected = told[check]
        ours = node.ask(check, status)
        if status == 200:
            assert in_order(ours) == in_order(expected), check
        else:
            assert ours.decode() == expected
    for check in SAME_KEYS:
        assert set(node.ask(check)) == set(told[check][2]), check
