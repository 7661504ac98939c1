"""The same damage under both object auditors: the same hash dirs end in quarantine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftlite.formats.metadata import ATTRIBUTE, CHECKSUM_ATTRIBUTE
from swiftlite.objectstore.attributes import read_metadata, write_metadata
from tests.obj.auditor.worlds import Auditing, real
from tests.objectstore.stores import NOW

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PEER = """
import json, sys
import swift.common.utils.config as config
conf = json.loads(sys.argv[1])
config.SWIFT_CONF_FILE = conf["swift_dir"] + "/swift.conf"
from swift.common import utils
utils.SWIFT_CONF_FILE = config.SWIFT_CONF_FILE
utils.validate_hash_conf()
from swift.common.storage_policy import reload_storage_policies
reload_storage_policies()
from swift.obj.auditor import AuditorWorker
from swift.common.utils import get_logger
logger = get_logger(conf, log_to_console=False)
fps = 1000000 if conf["kind"] == "ZBF" else 0
AuditorWorker(conf, logger, conf["recon_cache_path"] + "/x", conf["devices"],
              zero_byte_only_at_fps=fps).audit_all_objects(mode="once")
"""
Damage = Callable[[Auditing, str], object]


def flip(node: Auditing, obj: str) -> None:
    node.overwrite(node.data(obj), 400)


def change(**changes: str) -> Damage:
    def act(node: Auditing, obj: str) -> None:
        fd = os.open(node.data(obj), os.O_RDWR)
        metadata = read_metadata(node.host.disk, fd)
        changed = {key.replace("_", "-"): value for key, value in changes.items()}
        changed = {key: value for key, value in {**metadata, **changed}.items() if value != "-"}
        write_metadata(node.host.disk, fd, changed, "swift")
        os.close(fd)

    return act


def post(node: Auditing, obj: str) -> str:
    stored = {"X-Timestamp": NOW.plus(1).internal, "X-Object-Meta-Color": "blue"}
    node.store.diskfile(obj).write_metadata(stored, NOW.plus(1))
    (meta,) = (name for name in node.store.files(obj) if name.endswith(".meta"))
    return f"{node.place(obj).path}/{meta}"


def posted(node: Auditing, obj: str) -> None:
    post(node, obj)


def stray(node: Auditing, obj: str) -> None:
    Path(f"{node.place(obj).path}/stray").write_bytes(b"")


def file_instead(node: Auditing, obj: str) -> None:
    shutil.rmtree(node.place(obj).path)
    Path(node.place(obj).path).write_bytes(b"")


def move(node: Auditing, obj: str) -> None:
    there = node.place(f"where {obj} is now")
    os.makedirs(there.suffix_path, exist_ok=True)
    os.rename(node.place(obj).path, there.path)


DAMAGES: dict[str, Damage] = {
    "nothing": lambda node, obj: None,
    "a bit of the body": flip,
    "cut short": lambda node, obj: os.truncate(node.data(obj), 10),
    "emptied": lambda node, obj: os.truncate(node.data(obj), 0),
    "longer": lambda node, obj: os.truncate(node.data(obj), 2_000),
    "no metadata": lambda node, obj: os.removexattr(node.data(obj), ATTRIBUTE),
    "nonsense for metadata": lambda node, obj: os.setxattr(node.data(obj), ATTRIBUTE, b"\x80?"),
    "another checksum": lambda node, obj: os.setxattr(
        node.data(obj), CHECKSUM_ATTRIBUTE, b"0" * 32
    ),
    "no checksum": lambda node, obj: os.removexattr(node.data(obj), CHECKSUM_ATTRIBUTE),
    "another etag": change(ETag="0" * 32),
    "no length": change(Content_Length="-"),
    "a length that is none": change(Content_Length="many"),
    "an expiry that is none": change(X_Delete_At="soon"),
    "expired": change(X_Delete_At="1000"),
    "another name": change(name="/a/c/another"),
    "posted": posted,
    "metadata of a POST": lambda node, obj: os.removexattr(post(node, obj), ATTRIBUTE),
    "a file instead": file_instead,
    "moved": move,
    "a stray file": lambda node, obj: (
        Path(f"{node.place(obj).path}/stray").write_bytes(b"") and None
    ),
    "no data": lambda node, obj: os.unlink(node.data(obj)),
    "deleted": lambda node, obj: node.store.diskfile(obj).delete(NOW.plus(5)),
}


def filled(folder: Path) -> Auditing:
    folder.mkdir()
    node = real(folder)
    node.store.manager.context.settings = node.store.settings.__class__(
        devices=node.root, mount_check=False, metadata_format="swift"
    )
    for name, damage in DAMAGES.items():
        node.put(name, b"12345678" * 100)
        damage(node, name)
    return node


@pytest.mark.parametrize("kind", ["ALL", "ZBF"])
def test_both_quarantine_the_same(swift_python: str, tmp_path: Path, kind: str) -> None:
    ours, theirs = filled(tmp_path / "ours"), filled(tmp_path / "theirs")
    (tmp_path / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = changeme\n")
    ours.audit(md5_every=1, flags={"zero_byte_fps": 1e9} if kind == "ZBF" else {})
    conf = {
        "devices": theirs.root, "mount_check": "false", "swift_dir": str(tmp_path), "kind": kind,
        "recon_cache_path": theirs.recon_path, "log_address": str(tmp_path / "no log"),
        "files_per_second": "0", "bytes_per_second": "0",
    }  # fmt: skip
    done = subprocess.run(
        [swift_python, "-c", PEER, json.dumps(conf)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    names = {ours.place(name).hash: name for name in DAMAGES}
    names[ours.place("where moved is now").hash] = "moved"
    found = [sorted(names.get(h, h) for h in node.quarantined()) for node in (ours, theirs)]
    assert found[0] == found[1]
    assert len(found[0]) >= (13 if kind == "ALL" else 11)
