"""A person's day with the stock `swift` client on an embedded cluster, with and without faults.

Uploads a real tree, lists it, downloads it into another folder and compares; then a large file in
segments, metadata, access lists with a second user and with nobody, odd names, and deletion. The
second round does the same while a storage process is killed every few seconds.

Needs python-swiftclient. Usage: python tools/acceptance/client_tour.py [--tree /usr/share]
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SWIFT = str(Path(sys.executable).parent / "swift")
ODD_NAMES = (
    "with space",
    "a/slash/inside",
    "per%20cent %",
    "100%",
    "naïve-Größe",
    "日本語",
    "emoji-🎈",
    "quote'\"<>&",
    "question?mark=1&x#y",
    "plus+plus",
    "tab\there",
    " leading and trailing ",
    "two..dots",
    "double//slash",
)


STORAGE_SERVERS = ("account-server", "container-server", "object-server")


LISTED_WITHIN_S = 30.0


class Failed(Exception):
    """A step did not end as it should; the sentence says which."""


class Steps:
    """Runs the client as a user and says what took how long."""

    def __init__(self, auth_url: str, folder: Path) -> None:
        self._auth_url, self._folder = auth_url, folder

    def swift(self, *arguments: str, user: str = "test:tester", key: str = "testing") -> str:
        command = [SWIFT, "-A", self._auth_url, "-U", user, "-K", key, *arguments]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"swift {' '.join(arguments)[:120]}: {done.stderr.strip()[-600:]}")
        return done.stdout

    def refused(self, *arguments: str, user: str, key: str) -> None:
        try:
            self.swift(*arguments, user=user, key=key)
        except Failed:
            return
        raise Failed(f"swift {' '.join(arguments)} as {user} was let through")


def tell(text: str, started: float) -> None:
    print(f"  {text} ({time.monotonic() - started:.1f} s)", flush=True)


def expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise Failed(f"{what}: found {found!r}, wanted {wanted!r}")


def copy_tree(source: Path, target: Path, files: int, megabytes: int) -> tuple[int, int]:
    """Copy regular files until both marks are passed; gives (files, bytes)."""
    count = size = 0
    for root, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.is_symlink() or not path.is_file() or path.stat().st_size > 64 << 20:
                continue
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            count, size = count + 1, size + path.stat().st_size
            if count >= files and size >= megabytes << 20:
                return count, size
    while size < megabytes << 20:  # a small machine's tree: fill up with large files
        place = target / f"filler-{count}"
        place.write_bytes(os.urandom(8 << 20))
        count, size = count + 1, size + (8 << 20)
    return count, size


def same(first: Path, second: Path, what: str) -> None:
    done = subprocess.run(["diff", "-r", str(first), str(second)], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{what}: {done.stdout[:600]}{done.stderr[:600]}")


def tree_round(steps: Steps, folder: Path, files: int) -> None:
    started = time.monotonic()
    steps.swift("upload", "tree", "tree")
    tell("tree uploaded", started)
    started = time.monotonic()
    await_listing(steps, files)
    tell(f"{files} names listed, again and again", started)
    stat = steps.swift("stat", "tree")
    if f"Objects: {files}" not in stat:
        raise Failed(f"stat of the container does not say {files} objects: {stat}")
    started = time.monotonic()
    back = folder / "back"
    steps.swift("download", "tree", "--output-dir", str(back))
    same(folder / "tree", back / "tree", "the tree that came back")
    shutil.rmtree(back)
    tell("downloaded, diff -r empty", started)


def await_listing(steps: Steps, files: int) -> None:
    """Until each replica asked lists every file: listings may lag behind a killed server."""
    limit = time.monotonic() + LISTED_WITHIN_S
    in_a_row = 0
    while in_a_row < 8:
        found = len([name for name in steps.swift("list", "tree").split("\n") if name])
        in_a_row = in_a_row + 1 if found == files else 0
        if found != files and time.monotonic() > limit:
            raise Failed(f"{found} names are listed where {files} were uploaded")


def segment_round(steps: Steps, folder: Path) -> None:
    started = time.monotonic()
    steps.swift("upload", "large", "big.bin", "--segment-size", str(256 << 20))
    tell("big file uploaded in segments", started)
    started = time.monotonic()
    steps.swift("download", "large", "big.bin", "--output", "big.back")
    expect(
        subprocess.run(["cmp", "big.bin", "big.back"], cwd=folder, capture_output=True).returncode,
        0,
        "comparison of the big file",
    )
    (folder / "big.back").unlink()
    tell("big file back, equal", started)
    steps.swift("delete", "large", "big.bin")
    left = steps.swift("list", "large_segments").split()
    expect(left, [], "segments left after the manifest was deleted")


def people_round(steps: Steps, folder: Path, auth_url: str) -> None:
    (folder / "hello.txt").write_text("hello\n")
    steps.swift("upload", "shared", "hello.txt", "-H", "X-Object-Meta-Colour: grün")
    stat = steps.swift("stat", "shared", "hello.txt")
    if "Meta Colour: grün" not in stat:
        raise Failed(f"metadata missing: {stat}")
    steps.swift("post", "shared", "hello.txt", "-m", "Shape: round")
    stat = steps.swift("stat", "shared", "hello.txt")
    if "Meta Shape: round" not in stat or "Colour" in stat:
        raise Failed(f"a POST replaces metadata: {stat}")
    steps.swift("post", "shared", "-m", "Purpose: tour")
    if "Meta Purpose: tour" not in steps.swift("stat", "shared"):
        raise Failed("container metadata missing")
    steps.refused("list", "shared", user="test:tester3", key="testing3")
    steps.swift("post", "shared", "-r", "test:tester3")
    expect(
        steps.swift("list", "shared", user="test:tester3", key="testing3").split(),
        ["hello.txt"],
        "listing by the other user",
    )
    steps.refused("upload", "shared", "hello.txt", user="test:tester3", key="testing3")
    steps.swift("post", "shared", "-r", ".r:*,.rlistings")
    expect(anonymous(steps, auth_url, "/shared/hello.txt"), (200, b"hello\n"), "anonymous read")
    expect(anonymous(steps, auth_url, "/shared")[0], 200, "anonymous listing")
    steps.swift("post", "shared", "-r", "")
    expect(anonymous(steps, auth_url, "/shared/hello.txt")[0], 401, "read after the ACL went")
    print("  metadata and access lists as they should be", flush=True)


def anonymous(steps: Steps, auth_url: str, path: str) -> tuple[int, bytes]:
    storage = next(
        line.partition("=")[2] for line in steps.swift("auth").split("\n") if "STORAGE_URL" in line
    )
    url = urllib.parse.urlsplit(storage)
    connection = http.client.HTTPConnection(url.netloc, timeout=30)
    connection.request("GET", url.path + path)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def name_round(steps: Steps, folder: Path) -> None:
    (folder / "small").write_bytes(b"small body")
    for name in ODD_NAMES:
        steps.swift("upload", "odd names ü%", "small", "--object-name", name)
        steps.swift("download", "odd names ü%", name, "--output", "small.back")
        expect((folder / "small.back").read_bytes(), b"small body", f"body of {name!r}")
    listed = [n for n in steps.swift("list", "odd names ü%").split("\n") if n]
    wanted = sorted(ODD_NAMES, key=lambda n: n.encode())
    expect(listed, wanted, "odd names listed")
    print(f"  {len(ODD_NAMES)} odd names kept", flush=True)


def delete_round(steps: Steps) -> None:
    started = time.monotonic()
    for container in ("tree", "shared", "large", "odd names ü%"):
        steps.swift("delete", container)
    left = [n for n in steps.swift("list").split("\n") if n and not n.endswith("_segments")]
    expect(left, [], "containers left")
    tell("everything deleted", started)


class Killer(threading.Thread):
    """Ends a random storage server by SIGKILL every few seconds; its parent starts it again."""

    def __init__(self, cluster: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._cluster, self._chance = cluster, random.Random(seed)
        self.killed = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(3.0):
            victims = storage_processes(self._cluster)
            if victims:
                os.kill(self._chance.choice(victims), signal.SIGKILL)
                self.killed += 1


def storage_processes(cluster: int) -> list[int]:
    """Descendants of the cluster's process whose title names a storage server."""
    children: dict[int, list[int]] = {}
    titles: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            titles[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [cluster]
    while queue:
        pid = queue.pop()
        queue += children.get(pid, [])
        if any(server in titles.get(pid, "") for server in STORAGE_SERVERS):
            found.append(pid)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_cluster(data: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "swiftlite.cli.main", "server", str(data)]
    process = subprocess.Popen([*command, "--port", str(port), "--test-users"], cwd=REPOSITORY)
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise Failed(f"the cluster ended with {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthcheck")
            if connection.getresponse().status == 200:
                return process
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise Failed("the cluster was not ready within 60 s")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--tree", type=Path, default=Path("/usr/share"))
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--big-megabytes", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="client-tour-", dir=os.environ.get("TMPDIR")))
    files, size = copy_tree(options.tree, folder / "tree", options.files, options.megabytes)
    print(f"{files} files, {size >> 20} MiB", flush=True)
    with (folder / "big.bin").open("wb") as handle:
        for _ in range(options.big_megabytes):
            handle.write(os.urandom(1 << 20))
    port = free_port()
    auth_url = f"http://127.0.0.1:{port}/auth/v1.0"
    cluster = start_cluster(folder / "cluster", port)
    try:
        for faults in (False, True):
            print("round with storage servers killed:" if faults else "quiet round:", flush=True)
            killer = Killer(cluster.pid, options.seed)
            if faults:
                killer.start()
            steps = Steps(auth_url, folder)
            tree_round(steps, folder, files)
            segment_round(steps, folder)
            people_round(steps, folder, auth_url)
            name_round(steps, folder)
            delete_round(steps)
            if faults:
                killer.done.set()
                killer.join()
                print(f"  {killer.killed} storage processes were killed", flush=True)
    except Failed as failed:
        print(f"FAILED: {failed}")
        return 1
    finally:
        cluster.send_signal(signal.SIGTERM)
        cluster.wait(60)
        shutil.rmtree(folder)
    print("all steps ended as they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
