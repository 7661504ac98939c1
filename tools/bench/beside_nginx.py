"""One stream of a large object beside nginx's sendfile of the very same file.

    python tools/bench/beside_nginx.py --dir DIR [--size 1G] [--rounds 5] [--seconds 4]
        [--port 18083] [--storage-port 18400] [--nginx-port 18084]

Starts an embedded cluster in DIR twice, as it is made and with lent files switched off (relayed),
puts one object, and has nginx (one worker, sendfile on, no log) serve the file that one of the
devices keeps it in; everything on loopback and in page cache (object servers are told to keep
large bodies there). Sides take turns; prints medians of GB/s and of CPU seconds per GB (all server
processes; daemons stand still), and their ratios.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from swiftlite.cli.bench.endpoint import Endpoint, log_in  # noqa: E402
from swiftlite.cli.bench.load import Call, Driver  # noqa: E402
from swiftlite.cli.bench.measuring import measure  # noqa: E402
from swiftlite.config.units import parse_bytes  # noqa: E402
from swiftlite.host import bundle, green  # noqa: E402
from tools.embedded import Embedded  # noqa: E402

HOST = bundle.install(green.make_host())
OBJECT = "/nginx/large"
CONF = """\
daemon off; master_process off; user root; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off; sendfile on; tcp_nopush on;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


class Streamed(NamedTuple):
    gb_per_second: float
    cpu_s_per_gb: float


def streamed(driver: Driver, target: str, pids: list[int], size: int, seconds: float) -> Streamed:
    calls = repeat(Call("GET", target, 0, (200,)))
    found = measure(
        HOST, driver, "get", calls, size=size, concurrency=1, seconds=seconds, pids=pids
    )
    if found.errors or found.cpu_s_per_gb is None:
        raise SystemExit(f"GET {target}: {found.errors}")
    return Streamed(found.body_bytes / found.seconds / 1e9, found.cpu_s_per_gb)


@contextmanager
def nginx(root: Path, port: int) -> Iterator[int]:
    """Its pid, while it serves what is below root."""
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "nginx.conf"
        conf.write_text(CONF.format(folder=folder, port=port, root=root))
        process = subprocess.Popen(["nginx", "-c", str(conf)])
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def read_once(file: Path) -> None:
    """It went to the disk past the page cache."""
    with file.open("rb", buffering=0) as content:
        while content.read(1 << 22):
            pass


def compared(
    cluster: Embedded, options: argparse.Namespace
) -> tuple[list[Streamed], list[Streamed]]:
    """Ours and nginx's, round by round."""
    ours: list[Streamed] = []
    theirs: list[Streamed] = []
    driver = Driver(HOST, log_in(HOST, cluster.auth_url, "test:tester", "testing"))
    driver.one(Call("PUT", "/nginx"))
    if driver.one(Call("HEAD", OBJECT)) == 404:
        driver.one(Call("PUT", OBJECT, options.size))
    copies = sorted(
        path for path in cluster.root.glob("srv/*/*/objects/**/*.data")
        if path.stat().st_size == options.size
    )  # fmt: skip
    for copy in copies:
        read_once(copy)
    file = copies[0]
    with nginx(file.parent, options.nginx_port) as pid:
        other = Driver(HOST, Endpoint(("127.0.0.1", options.nginx_port), "", ""))
        HOST.tasks.sleep(1.0)  # nginx has begun to listen
        for number in range(options.rounds + 1):
            sides = [
                (ours, driver, OBJECT, cluster.servers()),
                (theirs, other, f"/{file.name}", [pid]),
            ]
            for found, one, target, pids in sides if number % 2 else sides[::-1]:
                one_round = streamed(one, target, pids, options.size, options.seconds)
                if number:  # the first warms caches
                    found.append(one_round)
        other.close()
    driver.close()
    return ours, theirs


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}–{max(values):.3g})"


def told(name: str, ours: list[Streamed], theirs: list[Streamed]) -> str:
    cells = []
    for at in (0, 1):
        mine, other = [one[at] for one in ours], [one[at] for one in theirs]
        cells += [spread(mine), spread(other)]
        ratio = statistics.median(mine) / statistics.median(other)
        cells.append(f"{ratio * 100:.0f} %" if at == 0 else f"{ratio:.1f}×")
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("--dir", type=Path, required=True)
    add("--size", type=parse_bytes, default=1 << 30)
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=4.0)
    add("--port", type=int, default=18_083)
    add("--storage-port", type=int, default=18_400)
    add("--nginx-port", type=int, default=18_084)
    options = parser.parse_args()
    cluster = Embedded(options.dir.absolute(), options.port, options.storage_port)
    print("| one stream | GB/s | nginx | of it | CPU s/GB | nginx | more |")
    print("|" + " --- |" * 7)
    with cluster:
        pass  # makes the folder
    cluster.configure("keep_cache_private", "true", "object-server/*.conf")
    cluster.configure("keep_cache_size", 2 * options.size, "object-server/*.conf")
    with cluster.without_daemons():
        print(told("lent", *compared(cluster, options)), flush=True)
    cluster.configure("borrow_files", "false", "proxy-server.conf")
    with cluster.without_daemons():
        print(told("relayed", *compared(cluster, options)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
