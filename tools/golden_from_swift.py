#!/usr/bin/env python3
"""Makes tests/golden/objects: bytes that OpenStack Swift writes, and what they mean.

Needs an environment with the `swift` package (pip install swift); it runs Swift's own functions
and stores their output. The tests need only the stored files. Run it again for a newer Swift and
look at the differences.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swift.common import storage_policy, utils
from swift.common.header_key_dict import HeaderKeyDict
from swift.common.middleware import listing_formats
from swift.common.ring import builder
from swift.common.utils import Timestamp
from swift.obj import diskfile, expirer

TARGET = Path(__file__).parents[1] / "tests" / "golden" / "objects"
NAME = "/AUTH_test/c/pfad/Ü 😀"


class Silent:
    """A logger that takes every call."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **named: None


def wsgi(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


METADATA = {
    "plain": {
        "name": "/AUTH_test/c/o",
        "X-Timestamp": "1700000000.12345",
        "Content-Type": "text/plain",
        "Content-Length": "5",
        "ETag": "5d41402abc4b2a76b9719d911017c592",
        "X-Object-Meta-Mtime": "1699999999.5",
    },
    "names": {
        "name": NAME,
        "X-Timestamp": "1700000000.12345_000000000000000a",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": "0",
        "ETag": "d41d8cd98f00b204e9800998ecf8427e",
        "X-Object-Meta-Über": "Grün 😀",
        "X-Object-Meta-A": "a",
        "X-Object-Meta-B": "a",
    },
    "tombstone": {"name": NAME, "X-Timestamp": "1700000001.00000"},
}


def metadata() -> dict[str, Any]:
    """Pickles as the object server has them written: headers are WSGI strings, the name is not."""
    cases = {}
    for title, meant in METADATA.items():
        held = {wsgi(k): v if k == "name" else wsgi(v) for k, v in meant.items()}
        with tempfile.NamedTemporaryFile(dir=TARGET) as file:
            diskfile.write_metadata(file.fileno(), held)
            blob = os.getxattr(file.fileno(), "user.swift.metadata")
            checksum = os.getxattr(file.fileno(), "user.swift.metadata_checksum")
            diskfile.write_metadata(file.fileno(), held, xattr_size=100)
            chunks = [os.getxattr(file.fileno(), "user.swift.metadata")]
            chunks += [os.getxattr(file.fileno(), "user.swift.metadata1")]
        (TARGET / f"metadata-{title}.pickle").write_bytes(blob)
        cases[title] = {
            "metadata": meant,
            "checksum": checksum.decode(),
            "first_chunks_of_100": [chunk.hex() for chunk in chunks],
        }
    return cases


def old_metadata() -> None:
    """What Swift wrote on Python 2: raw UTF-8 in byte strings, as that version pickled them."""
    lines = [b"\x80\x02}q\x01("]
    for index, (key, value) in enumerate(METADATA["names"].items()):
        for offset, text in enumerate((key.encode(), value.encode())):
            memo = bytes([2 + 2 * index + offset])
            lines.append(b"U" + bytes([len(text)]) + text + b"q" + memo)
    (TARGET / "metadata-names-python2.pickle").write_bytes(b"".join([*lines, b"u."]))


def pending() -> dict[str, Any]:
    """An async pending, written by Swift's own manager."""
    with tempfile.TemporaryDirectory() as root:
        manager = diskfile.DiskFileManager({"devices": root, "mount_check": "false"}, Silent())
        os.mkdir(f"{root}/sda")
        update = {
            "op": "PUT",
            "account": "AUTH_test",
            "container": "c",
            "obj": "pfad/Ü 😀",
            "headers": HeaderKeyDict(
                {
                    "X-Size": "5",
                    "X-Content-Type": wsgi("text/plain; name=Ü"),
                    "X-Timestamp": "1700000000.12345",
                    "X-Etag": "5d41402abc4b2a76b9719d911017c592",
                    "Referer": "PUT http://127.0.0.1/sda/1/a",
                }
            ),
            "db_state": "unsharded",
            "container_path": ".shards_a/c-1",
        }
        policy = storage_policy.POLICIES[0]
        timestamp = Timestamp("1700000000.12345")
        manager.pickle_async_update("sda", "AUTH_test", "c", "pfad/Ü 😀", update, timestamp, policy)
        (path,) = Path(f"{root}/sda/async_pending").glob("*/*")
        (TARGET / "async-pending.pickle").write_bytes(path.read_bytes())
        return {"name": f"{path.parent.name}/{path.name}"}


FILESETS = {
    "data": ["1700000000.00000.data"],
    "newest data": ["1700000000.00000.data", "1700000001.00000_0000000000000001.data"],
    "tombstone": ["1700000002.00000.ts"],
    "meta": ["1700000000.00000.data", "1700000005.00000.meta"],
    "content type": ["1700000000.00000.data", "1700000005.00000-186a0.meta"],
    "two metas": [
        "1700000000.00000.data",
        "1700000005.00000-186a0.meta",
        "1700000006.00000.meta",
    ],
}


def suffixes() -> dict[str, Any]:
    """Suffix hashes that Swift computes for directories of such files, and its cache of them."""
    cases = {}
    with tempfile.TemporaryDirectory() as root:
        conf = {"devices": root, "mount_check": "false", "reclaim_age": str(10**10)}
        manager = diskfile.DiskFileManager(conf, Silent())
        objects = f"{root}/sda/objects/7"
        for index, files in enumerate(FILESETS.values()):
            hash_dir = f"{objects}/{0xA00 + index:03x}/{'0' * 29}{0xA00 + index:03x}"
            os.makedirs(hash_dir)
            for name in files:
                open(f"{hash_dir}/{name}", "w").close()
        policy = storage_policy.POLICIES[0]
        found = manager.get_hashes("sda", "7", [], policy)
        for index, (title, files) in enumerate(FILESETS.items()):
            cases[title] = {"files": files, "hash": found[f"{0xA00 + index:03x}"]}
        (TARGET / "replicate-answer.pickle").write_bytes(pickle.dumps(found, protocol=2))
        cache = Path(objects, "hashes.pkl").read_bytes()
        (TARGET / "hashes.pkl").write_bytes(cache)
        diskfile.invalidate_hash(f"{objects}/a01")
        (TARGET / "hashes.invalid").write_bytes(Path(objects, "hashes.invalid").read_bytes())
    return cases


def hashes_and_tasks() -> list[dict[str, Any]]:
    config = expirer.ExpirerConfig({})
    cases = []
    for names in (["a"], ["a", "c"], ["a", "c", "o"], ["AUTH_ü", "c 1", "Ü/😀"]):
        case: dict[str, Any] = {"names": names, "hash": utils.hash_path(*names)}
        if len(names) == 3:
            case["task_container"] = config.get_expirer_container(1700000000, *names)
            case["task_name"] = expirer.build_task_obj(1700000000, *names)
        cases.append(case)
    return cases


def listings() -> dict[str, str]:
    """What the servers render for the rows that tests/formats/test_listings.py holds."""
    objects = [
        {
            "bytes": 5,
            "hash": "5d41402abc4b2a76b9719d911017c592",
            "name": 'a "b" <c> & \\ \x7f ü 😀',
            "content_type": "text/plain;charset=utf-8",
            "last_modified": Timestamp("1700000000.12345").isoformat,
        },
        {"subdir": "x/<y>/"},
    ]
    containers = [
        {
            "name": "c <1> & ü",
            "count": 2,
            "bytes": 10,
            "last_modified": Timestamp("1700000000.00000").isoformat,
            "storage_policy": "gold & silver",
        },
        {"subdir": 'x"&/'},
    ]
    made = {
        "object_json": json.dumps(objects),
        "object_text": listing_formats.listing_to_text(objects).decode(),
        "container_json": json.dumps(containers),
        "container_text": listing_formats.listing_to_text(containers).decode(),
    }
    made["object_xml"] = listing_formats.container_to_xml(objects, 'c "1"').decode()
    made["container_xml"] = listing_formats.account_to_xml(containers, "AUTH_<t>").decode()
    return made


def builder_file() -> None:
    """A small builder file: arrays inside a pickle."""
    made = builder.RingBuilder(4, 2, 1)
    for index in range(3):
        made.add_dev(
            {
                "id": index,
                "region": 1,
                "zone": index,
                "ip": f"127.0.0.{index + 1}",
                "port": 6200,
                "device": "sda",
                "weight": 1.0,
                "meta": "",
            }
        )
    made.rebalance(seed=1)
    with tempfile.TemporaryDirectory() as folder:
        made.save(f"{folder}/x.builder")
        (TARGET / "small.builder").write_bytes(Path(folder, "x.builder").read_bytes())


def main() -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    utils.HASH_PATH_PREFIX, utils.HASH_PATH_SUFFIX = b"changeme", b"endcap\xff"
    utils.config.HASH_PATH_PREFIX, utils.config.HASH_PATH_SUFFIX = b"changeme", b"endcap\xff"
    old_metadata()
    builder_file()
    cases = {
        "metadata": metadata(),
        "async_pending": pending(),
        "suffixes": suffixes(),
        "hashes": hashes_and_tasks(),
        "listings": listings(),
    }
    text = json.dumps(cases, indent=1, ensure_ascii=False)
    (TARGET / "cases.json").write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
