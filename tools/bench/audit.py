"""CPU of an object auditor's pass, ours beside OpenStack Swift's, over the same objects.

    python tools/bench/audit.py DIR --swift-python PY [--work metadata|full|blocks]
        [--objects 100000] [--size 1024] [--part-power 10] [--rounds 3] [--sides theirs,ours]

One device, no limits of pace, caches warm, `--once`; utime + stime of the whole process, its start
included, which an empty device shows alone. metadata: the zero-byte pass; each side has a tree of
its own, with metadata in its own format. full: every body against its MD5; blocks: against its
block checksums, which only ours have. For these both read the same files. DIR is filled if it is
not. A part power of 10 gives about one object to a suffix directory, as long as there are few
objects; 0 gives 24 of 100,000, as on a disk with ten million of them in a hundred partitions.
Prints a line a pass, and medians.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pwd
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from swiftlite.formats.block_checksums import (  # noqa: E402
    ATTRIBUTE,
    BlockSummer,
    encode_blocks,
)
from swiftlite.formats.metadata import attributes_of, encode_metadata  # noqa: E402
from swiftlite.ring import RingBuilder  # noqa: E402
from swiftlite.vocab.hashing import HashPath, partition_of  # noqa: E402

HASH_PATH = HashPath(b"", b"changeme")
STAMP = "1700000000.00000"
FORMS = {"ours": "msgpack", "theirs": "swift", "both": "swift"}
EMPTY = "empty"


class Field:
    """DIR/<tree>/sdb1/objects; tree: `ours`, `theirs`, `both` or `empty`."""

    def __init__(self, root: Path, chosen: argparse.Namespace) -> None:
        self.root = root
        self.chosen = chosen
        self.etc = root / "etc"

    def prepare(self, trees: set[str]) -> None:
        self.etc.mkdir(parents=True, exist_ok=True)
        (self.etc / "swift.conf").write_text(
            "[swift-hash]\nswift_hash_path_suffix = changeme\n"
            "[storage-policy:0]\nname = gold\ndefault = yes\n"
        )
        builder = RingBuilder.create(self.chosen.part_power, 1, 0)
        builder.add_device(zone=1, ip="127.0.0.1", port=6200, device="sdb1", weight=100)
        builder.rebalance(0, seed="1")
        builder.write_ring(str(self.etc / "object.ring.gz"))
        (self.root / EMPTY / "sdb1").mkdir(parents=True, exist_ok=True)
        for tree in trees:
            done = self.root / f"{tree}-complete"
            if not done.exists():
                for number in range(self.chosen.objects):
                    self._write(tree, number)
                done.touch()
        os.sync()

    def _write(self, tree: str, number: int) -> None:
        name = f"o{number}"
        name_hash = HASH_PATH.hex("AUTH_test", "c", name)
        partition = partition_of(bytes.fromhex(name_hash), 32 - self.chosen.part_power)
        top = self.root / tree / "sdb1" / "objects" / str(partition)
        path = top / name_hash[-3:] / name_hash / f"{STAMP}.data"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = _body(name, self.chosen.size)
        path.write_bytes(body)
        metadata = {
            "name": f"/AUTH_test/c/{name}",
            "X-Timestamp": STAMP,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(body)),
            "ETag": hashlib.md5(body).hexdigest(),
            "X-Object-Meta-Mtime": "1700000000.0",
        }
        for key, value in attributes_of(encode_metadata(metadata, FORMS[tree])):
            os.setxattr(path, key, value)
        if FORMS[tree] == "msgpack" or tree == "both":
            summer = BlockSummer(len(body))
            summer.update(body)
            os.setxattr(path, ATTRIBUTE, encode_blocks(summer.finish()))

    def conf(self, side: str, tree: str, md5_every: int) -> Path:
        path = self.root / f"{side}-{tree}.conf"
        cache = self.root / f"cache-{side}"
        cache.mkdir(exist_ok=True)
        path.write_text(
            f"[DEFAULT]\nuser = {pwd.getpwuid(os.getuid()).pw_name}\nswift_dir = {self.etc}\n"
            f"devices = {self.root / tree}\nmount_check = false\nrecon_cache_path = {cache}\n"
            "log_level = WARNING\n[pipeline:main]\npipeline = object-server\n"
            f"[app:object-server]\nuse = egg:{'swiftlite' if side == 'ours' else 'swift'}#object\n"
            "[object-auditor]\nfiles_per_second = 0\nbytes_per_second = 0\n"
            "zero_byte_files_per_second = 0\n"
            + (f"md5_every = {md5_every}\n" if side == "ours" else "")
        )
        return path


def _body(name: str, size: int) -> bytes:
    seed = hashlib.sha256(name.encode()).digest() * 2048
    return (seed * (size // len(seed) + 1))[:size]


def one_pass(field: Field, side: str, tree: str, work: str) -> dict[str, float]:
    conf = field.conf(side, tree, 1 if work == "full" else 1_000_000)
    if side == "ours":
        words = [str(Path(sys.executable).with_name("swiftlite-object-auditor")), str(conf)]
        words += ["--once"]
    else:
        runner = HERE.parents[1] / "interop" / "swift_program.py"
        words = [field.chosen.swift_python, str(runner), str(field.etc), "object-auditor"]
        words += [str(conf), "once"]
    if work == "metadata":
        words += ["-z", "1000000000"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or "uarantined" in done.stderr:
        raise SystemExit(f"{side} auditor: {done.returncode} {done.stderr[-2000:]}")
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return {"cpu": user + system, "user": user, "system": system, "wall": wall}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--swift-python", default="")
    parser.add_argument("--work", choices=("metadata", "full", "blocks"), default="metadata")
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--part-power", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", default="theirs,ours")
    parser.add_argument("--only-prepare", action="store_true")
    chosen = parser.parse_args()
    field = Field(chosen.dir.resolve(), chosen)
    sides = chosen.sides.split(",")
    trees = {side: side if chosen.work == "metadata" else "both" for side in sides}
    field.prepare(set(trees.values()))
    if chosen.only_prepare:
        return
    figures: dict[str, list[float]] = {}
    for number in range(chosen.rounds):
        for side in sides:
            for tree in (EMPTY, trees[side]):
                found = one_pass(field, side, tree, chosen.work)
                figures.setdefault(f"{side} {tree}", []).append(found["cpu"])
                line = {"round": number, "side": side, "tree": tree, "work": chosen.work}
                rounded = {key: round(value, 3) for key, value in found.items()}
                print(json.dumps({**line, **rounded}), flush=True)
    for title, values in figures.items():
        print(f"{title}: {statistics.median(values):.2f} s")


if __name__ == "__main__":
    main()
