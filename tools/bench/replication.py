"""CPU of an object replication pass, ours beside OpenStack Swift's, over the same files.

One node, four devices, three replicas: the object server and `object-replicator --once` of one
side, then of the other, in turn. What counts is utime + stime of both processes (and of rsync's,
both ends) over a pass. Between passes the files are as a healthy cluster's, or a share of the
objects has been written anew on two of its three replicas.

    python tools/bench/replication.py DIR --swift-python PY [--objects 100000] [--rounds 3]
        [--methods ssync,rsync,rsync-limited] [--changed 0.01] [--port 7510]

rsync-limited: with an rsync_bwlimit (of 1 GB/s), so that ours pushes everything by rsync, as it
does to OpenStack Swift nodes, and not a few objects by SSYNC. DIR is made and filled if it is not
there (100,000 objects: about a minute and 3 GB); --rounds 0 does that and a first pass of each
side. Metadata is in Swift's format. Prints a line per pass and medians.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import random
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from swiftlite.cli.bench.processes import cpu_seconds, with_descendants  # noqa: E402
from swiftlite.formats.metadata import attributes_of, encode_metadata  # noqa: E402
from swiftlite.ring import Ring, RingBuilder  # noqa: E402
from swiftlite.vocab.hashing import HashPath  # noqa: E402
from swiftlite.vocab.timestamp import Timestamp  # noqa: E402

HASH_PATH = HashPath(b"", b"changeme")
DEVICES, REPLICAS, PART_POWER = 4, 3, 10
START = Timestamp(170_000_000_000_000)
BODY = b"x" * 1024
ETAG = "7265f4d211b56873a381d321f586e4a9"


class Field:
    """The folder: rings, confs, devices."""

    def __init__(self, root: Path, port: int, objects: int) -> None:
        self.root = root
        self.port = port
        self.objects = objects
        self.etc = root / "etc"
        self.srv = root / "srv"

    def prepare(self) -> None:
        if not (self.root / "complete").exists():
            self.etc.mkdir(parents=True)
            (self.root / "cache").mkdir()
            (self.etc / "swift.conf").write_text(
                "[swift-hash]\nswift_hash_path_suffix = changeme\n"
                "[storage-policy:0]\nname = gold\ndefault = yes\n"
            )
            self._make_ring()
            self._fill()
            (self.root / "complete").touch()
        rsyncd = f"port = {self.port + 1}\naddress = 127.0.0.1\nuse chroot = no\n"
        rsyncd += f"pid file = {self.root}/rsyncd.pid\nlog file = {self.root}/rsyncd.log\n"
        rsyncd += f"uid = root\ngid = root\n[object]\npath = {self.srv}\nread only = no\n"
        (self.root / "rsyncd.conf").write_text(rsyncd)

    def conf(self, side: str, method: str) -> Path:
        egg = "swiftlite" if side == "ours" else "swift"
        path = self.root / f"{side}-{method}.conf"
        module = f"rsync://127.0.0.1:{self.port + 1}/object"
        name, _, limited = method.partition("-")
        path.write_text(
            f"[DEFAULT]\nuser = {pwd.getpwuid(os.getuid()).pw_name}\n"
            f"bind_ip = 127.0.0.1\nbind_port = {self.port}\nworkers = 0\n"
            f"swift_dir = {self.etc}\ndevices = {self.srv}\nmount_check = false\n"
            f"metadata_format = swift\nrecon_cache_path = {self.root}/cache\nlog_level = WARNING\n"
            f"[pipeline:main]\npipeline = object-server\n"
            f"[app:object-server]\nuse = egg:{egg}#object\nreplication_concurrency = 0\n"
            "fallocate_reserve = 0\nlog_requests = false\n"
            f"[object-replicator]\nsync_method = {name}\nrsync_module = {module}\n"
            f"rsync_bwlimit = {1_000_000 if limited else 0}\n"
        )
        return path

    def _make_ring(self) -> None:
        builder = RingBuilder.create(PART_POWER, REPLICAS, 0)
        for number in range(1, DEVICES + 1):
            builder.add_device(
                zone=number, ip="127.0.0.1", port=self.port, device=f"d{number}", weight=100
            )
        builder.rebalance(0, seed="1")
        builder.write_ring(str(self.etc / "object.ring.gz"))

    @property
    def ring(self) -> Ring:
        return Ring.load(str(self.etc / "object.ring.gz"), HASH_PATH)

    def _fill(self) -> None:
        ring = self.ring
        for index in range(self.objects):
            self.write(ring, index, START, range(REPLICAS))

    def write(self, ring: Ring, index: int, at: Timestamp, replicas: range) -> None:
        """An object on some of its replicas, marked as changed; in the place of older ones."""
        name = f"o{index}"
        name_hash = HASH_PATH.hex("AUTH_test", "c", name)
        partition, primaries = ring.nodes("AUTH_test", "c", name)
        first: Path | None = None
        for replica in replicas:
            device = self.srv / primaries[replica].device
            top = device / "objects" / str(partition)
            hash_dir = top / name_hash[-3:] / name_hash
            os.makedirs(hash_dir, exist_ok=True)
            for old in os.listdir(hash_dir):
                os.unlink(hash_dir / old)
            path = hash_dir / f"{at.internal}.data"
            if first is None:
                first = path
                self._write_file(path, name, at)
            else:
                os.link(first, path)
            with open(top / "hashes.invalid", "a") as marks:
                marks.write(f"{name_hash[-3:]}\n")

    def _write_file(self, path: Path, name: str, at: Timestamp) -> None:
        metadata = {
            "name": f"/AUTH_test/c/{name}",
            "X-Timestamp": at.internal,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(BODY)),
            "ETag": ETAG,
            "X-Object-Meta-Mtime": "1700000000.0",
        }
        path.write_bytes(BODY)
        for key, value in attributes_of(encode_metadata(metadata, "swift")):
            os.setxattr(path, key, value)


class Bench:
    def __init__(self, field: Field, swift_python: str) -> None:
        self.field = field
        self.swift_python = swift_python
        self.moment = START

    def program(self, side: str, kind: str) -> list[str]:
        if side == "ours":
            return [str(Path(sys.executable).with_name(f"swiftlite-object-{kind}"))]
        runner = HERE.parents[1] / "interop" / "swift_program.py"
        return [self.swift_python, str(runner), str(self.field.etc), f"object-{kind}"]

    @contextmanager
    def server(self, side: str, method: str) -> Iterator[int]:
        words = [*self.program(side, "server"), str(self.field.conf(side, method))]
        running = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        try:
            self._wait_for_server()
            yield running.pid
        finally:
            running.terminate()
            running.wait()

    @contextmanager
    def rsyncd(self, method: str) -> Iterator[int | None]:
        if not method.startswith("rsync"):
            yield None
            return
        conf = self.field.root / "rsyncd.conf"
        running = subprocess.Popen(["rsync", "--daemon", "--no-detach", f"--config={conf}"])
        try:
            yield running.pid
        finally:
            running.terminate()
            running.wait()

    def _wait_for_server(self) -> None:
        for _ in range(200):
            try:
                urllib.request.urlopen(
                    urllib.request.Request(
                        f"http://127.0.0.1:{self.field.port}/", method="OPTIONS"
                    ),
                    timeout=1,
                )
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the object server does not answer")

    def one_pass(self, side: str, method: str) -> dict[str, float]:
        """CPU of one `--once`, and of the server meanwhile; with rsync, of both its ends."""
        with self.rsyncd(method) as rsyncd, self.server(side, method) as pid:
            pids = with_descendants([pid])
            server = cpu_seconds(pids)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.monotonic()
            words = [*self.program(side, "replicator"), str(self.field.conf(side, method)), "once"]
            done = subprocess.run(words, capture_output=True, text=True)
            wall = time.monotonic() - start
            replicator = _cpu(resource.getrusage(resource.RUSAGE_CHILDREN)) - _cpu(before)
            served = cpu_seconds(pids) - server
            received = 0.0 if rsyncd is None else _cpu_of_children(rsyncd)
        if done.returncode:
            raise SystemExit(f"{side} replicator: {done.returncode} {done.stderr[-2000:]}")
        cpu = replicator + served + received
        parts = {"replicator": replicator, "server": served, "rsyncd": received}
        return {**parts, "wall": wall, "cpu": cpu}

    def change(self, share: float) -> None:
        """Write some objects anew on two of their replicas."""
        self.moment = self.moment.plus(100_000)
        ring = self.field.ring
        count = round(self.field.objects * share)
        for index in random.Random(self.moment.raw).sample(range(self.field.objects), count):
            self.field.write(ring, index, self.moment, range(2))

    def unequal(self) -> int:
        """Objects whose replicas differ after all."""
        ring = self.field.ring
        wrong = 0
        for index in range(self.field.objects):
            name_hash = HASH_PATH.hex("AUTH_test", "c", f"o{index}")
            partition, primaries = ring.nodes("AUTH_test", "c", f"o{index}")
            tail = f"objects/{partition}/{name_hash[-3:]}/{name_hash}"
            names = {
                tuple(sorted(os.listdir(self.field.srv / primary.device / tail)))
                for primary in primaries
            }
            wrong += len(names) != 1
        return wrong


def _cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def _cpu_of_children(pid: int) -> float:
    """Of those that have ended and been waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--swift-python", required=True)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", default="ssync,rsync")
    parser.add_argument("--changed", type=float, default=0.01)
    parser.add_argument("--port", type=int, default=7510)
    parser.add_argument("--sides", default="theirs,ours")
    parser.add_argument("--works", default="in sync,changed")
    chosen = parser.parse_args()
    field = Field(chosen.dir.resolve(), chosen.port, chosen.objects)
    field.prepare()
    bench = Bench(field, chosen.swift_python)
    bench.moment = Timestamp(int(time.time()) * 100_000)
    figures: dict[str, list[float]] = {}
    sides = chosen.sides.split(",")
    for side in sides:
        print(json.dumps({"work": "first pass", "side": side, **bench.one_pass(side, "ssync")}))
    works = [("in sync", "ssync")] if "in sync" in chosen.works else []
    if "changed" in chosen.works:
        works += [(f"{chosen.changed:.0%} changed", method) for method in chosen.methods.split(",")]
    for number in range(chosen.rounds):
        for work, method in works:
            for side in sides:
                if work != "in sync":
                    bench.change(chosen.changed)
                found = bench.one_pass(side, method)
                unequal = bench.unequal() if work != "in sync" else 0
                title = work if work == "in sync" else f"{work}, {method}"
                figures.setdefault(f"{title} {side}", []).append(found["cpu"])
                line = {"round": number, "work": title, "side": side, "unequal": unequal}
                found = {key: round(value, 2) for key, value in found.items()}
                print(json.dumps({**line, **found}), flush=True)
    for title, values in figures.items():
        print(f"{title}: {statistics.median(values):.2f} s")


if __name__ == "__main__":
    main()
