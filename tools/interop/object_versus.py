"""Object files beside an installed OpenStack Swift: each writes, the other reads.

    object_versus.py --swift-python /path/to/python [--rounds 200] [--seed 1]

One device is written to by both in turn, with random names, bodies, metadata and times; after each
act either side reads the object back, and both compute the partition's suffix hashes. Random
listings are judged by both. Prints a JSON line per difference and totals at the end; exit code 1
if there was any.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from swiftlite.formats.ondisk_names import data_name, meta_name, tombstone_name
from swiftlite.host.plain import make_host
from swiftlite.objectstore.api import Absent, Metadata, Presence, StoreSettings, Superseded, Written
from swiftlite.objectstore.fileset import choose
from swiftlite.objectstore.manager import Manager
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.names import text_to_wsgi
from swiftlite.vocab.timestamp import Timestamp

HASH_PATH = HashPath(b"", b"changeme")
START = 170_000_000_000_000
NAMES = ("plain", "with space", "a/b/c", "ünï☃", "%41", "x" * 200)
TEXTS = ("1", "blue", "ü☃", "with; semi=colon", "x" * 200)


class Peer:
    """The process with OpenStack Swift in it."""

    def __init__(self, python: str) -> None:
        script = Path(__file__).with_name("object_peer.py")
        self._process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: Any) -> Any:  # noqa: ANN401  # JSON
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("the process with Swift in it has ended")
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Log:
    def warning(self, message: str) -> None:
        print(message, file=sys.stderr)

    error = warning


class Versus:
    """One device, two programs."""

    def __init__(self, peer: Peer, root: str, chance: random.Random) -> None:
        (Path(root) / "sda1").mkdir()
        self.peer = peer
        self.root = root
        self.chance = chance
        settings = StoreSettings(
            devices=root, mount_check=False, metadata_format="swift", reclaim_age=1e12
        )
        self.manager = Manager(make_host(), settings, HASH_PATH, Log())
        self.moment = START
        self.acts = 0
        self.differences = 0

    def run(self, rounds: int) -> None:
        for _ in range(rounds):
            name = self.chance.choice(NAMES)
            self.moment += self.chance.randint(1, 200_000)
            verb = self.chance.choice(("put", "put", "post", "post", "delete"))
            writer = self.chance.choice((self.by_us, self.by_swift))
            at = Timestamp(self.moment, self.chance.choice((0, 0, 0, 7)))
            writer(verb, name, at, self.metadata(verb, at))
            self.acts += 1
            self.compare(name, f"{verb} {writer.__name__}")

    def metadata(self, verb: str, at: Timestamp) -> Metadata:
        chance = self.chance
        found = {
            f"X-Object-{kind}-{key}": chance.choice(TEXTS)
            for kind in ("Meta", "Transient-Sysmeta", *(["Sysmeta"] if verb == "put" else []))
            for key in chance.sample(("A", "B", "Long-Name", "Ü"), 2)
        }
        if verb == "put" or chance.random() < 0.5:
            found["Content-Type"] = chance.choice(("text/plain", "a/b; c=d", "ü/☃"))
            if verb == "post":
                earlier = Timestamp(at.raw - chance.randint(0, 50_000))
                found["Content-Type-Timestamp"] = earlier.internal
        return found

    def by_us(self, verb: str, name: str, at: Timestamp, metadata: Metadata) -> None:
        diskfile = self.manager.diskfile("sda1", 7, "a", "c", name)
        if verb == "delete":
            diskfile.delete(at)
        elif verb == "post":
            diskfile.write_metadata({"X-Timestamp": at.internal, **metadata}, at)
        else:
            body = self.body()

            def describe(written: Written) -> Metadata:
                return {
                    "name": diskfile.name, "X-Timestamp": at.internal, "ETag": written.etag,
                    "Content-Length": str(written.size), **metadata,
                }  # fmt: skip

            writer = diskfile.writer(len(body))
            try:
                writer.finish(memoryview(body), at, describe)
            except Superseded:
                pass
            finally:
                writer.close()

    def by_swift(self, verb: str, name: str, at: Timestamp, metadata: Metadata) -> None:
        wsgi = {text_to_wsgi(key): text_to_wsgi(value) for key, value in metadata.items()}
        self.peer.ask(
            act=verb, root=self.root, name=name, at=at.internal, metadata=wsgi,
            body=self.body().hex(),
        )  # fmt: skip

    def body(self) -> bytes:
        return self.chance.randbytes(self.chance.choice((0, 1, 1000, 70_000)))

    def compare(self, name: str, what: str) -> None:
        now = Timestamp(self.moment + 1)
        theirs = self.peer.ask(act="get", root=self.root, name=name, at=now.normal)
        if theirs != (ours := self.read(name, now)):
            self.differ(what, name=name, swift=theirs, ours=ours)
        recalculate = [HASH_PATH.hex("a", "c", name)[-3:]]
        hashes = self.manager.suffix_hashes("sda1", 7, 0, recalculate=recalculate).hashes
        told = self.peer.ask(act="hashes", root=self.root, recalculate=recalculate)
        if hashes != told:
            self.differ(f"hashes after {what}", swift=told, ours=hashes)

    def read(self, name: str, now: Timestamp) -> list[Any]:
        found = self.manager.diskfile("sda1", 7, "a", "c", name).open(now)
        if isinstance(found, Absent):
            if found.presence is Presence.DELETED:
                return ["deleted", found.timestamp.internal]
            return [found.presence.value, None]
        metadata = {
            text_to_wsgi(key): value if key == "name" else text_to_wsgi(value)
            for key, value in found.metadata.items()
        }
        body = found.body(whole=True)
        try:
            return [metadata, b"".join(body.part(0, body.length)).hex()]
        finally:
            body.close()

    def listings(self, count: int) -> None:
        """Random hash dirs, judged by both. No two files of one kind and moment: Swift's choice
        between those hangs on the order of the listing."""
        listings = [self.listing() for _ in range(count)]
        answers = self.peer.ask(act="choose", root=self.root, listings=listings)
        for names, theirs in zip(listings, answers, strict=True):
            found = choose(names)
            files = (found.data, found.meta, found.content_type, found.tombstone)
            ours = [file.name if file else None for file in files]
            self.acts += 1
            if ours != theirs:
                self.differ("a listing", names=sorted(names), swift=theirs, ours=ours)

    def listing(self) -> list[str]:
        chance = self.chance
        moments = [Timestamp(START + raw, offset) for raw in range(5) for offset in (0, 1)]
        names = [data_name(moment) for moment in chance.sample(moments, chance.randint(0, 2))]
        names += [tombstone_name(moment) for moment in chance.sample(moments, chance.randint(0, 2))]
        names += [
            meta_name(moment, chance.choice((None, Timestamp(START + chance.randint(0, 5)))))
            for moment in chance.sample(moments, chance.randint(0, 3))
        ]
        names += chance.sample((".x.data.a1B2c3", "stranger", "1700000000.00000#1.data"), 1)
        chance.shuffle(names)
        return names

    def differ(self, what: str, **facts: object) -> None:
        self.differences += 1
        print(json.dumps({"differs": what, **facts}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swift-python", required=True)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    peer = Peer(options.swift_python)
    with tempfile.TemporaryDirectory() as root:
        versus = Versus(peer, root, random.Random(options.seed))
        versus.run(options.rounds)
        versus.listings(options.rounds * 5)
    peer.close()
    print(json.dumps({"acts": versus.acts, "differences": versus.differences}))
    return 1 if versus.differences else 0


if __name__ == "__main__":
    sys.exit(main())
