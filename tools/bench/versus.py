"""CPU per request of two Swift endpoints, measured in turn in one run.

Each side is named by its auth URL and the processes that serve it. For every round and every kind
of work the two sides get the same load from wrk, one after the other; what counts is utime+stime
of all server processes over the load, divided by the requests answered well. Shared machines drift,
so quote the medians and the ratio, never one side alone.

Usage: python tools/bench/versus.py --side ours=http://127.0.0.1:8080/auth/v1.0,tree:1234 \\
           --side theirs=http://127.0.0.1:8081/auth/v1.0,pidfiles:/run/swift --rounds 3

Processes: tree:PID (it and its descendants), pids:1+2+3, pidfiles:DIR (first word of each *.pid,
with descendants). Needs wrk.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
WORKS = ("get", "head", "put", "delete")

LUA = """
local method, root, count, body = "%(method)s", "%(root)s", %(count)d, string.rep("x", %(size)d)
local headers = { ["X-Auth-Token"] = "%(token)s" }
local thread_count, serial, mine = 0, 0, 0
function setup(thread) thread:set("mine", thread_count); thread_count = thread_count + 1 end
function init(args) serial = 0 end
function request()
  serial = serial + 1
  local index = %(fresh)s and (mine * 10000000 + serial) or (serial %% count)
  local name = string.format("%%s/%(prefix)s%%d", root, index)
  if method == "PUT" then return wrk.format(method, name, headers, body) end
  return wrk.format(method, name, headers)
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%d %%d\\n", summary.requests, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(99)))
end
"""


@dataclass(slots=True)
class Side:
    name: str
    auth_url: str
    processes: str
    user: str
    key: str
    host: str = ""
    root: str = ""
    token: str = ""

    def log_in(self) -> None:
        url = urllib.parse.urlsplit(self.auth_url)
        connection = http.client.HTTPConnection(url.netloc, timeout=30)
        headers = {"X-Auth-User": self.user, "X-Auth-Key": self.key}
        connection.request("GET", url.path, headers=headers)
        response = connection.getresponse()
        response.read()
        if response.status not in (200, 204):
            raise SystemExit(f"{self.name}: the log-in was answered {response.status}")
        storage = urllib.parse.urlsplit(response.headers["X-Storage-Url"])
        self.host, self.root = storage.netloc, storage.path
        self.token = response.headers["X-Auth-Token"]

    def call(self, method: str, path: str, body: bytes | None = None) -> int:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, self.root + path, body, {"X-Auth-Token": self.token})
        status = connection.getresponse().status
        connection.close()
        return status

    def pids(self) -> set[int]:
        kind, _, what = self.processes.partition(":")
        if kind == "pids":
            return {int(pid) for pid in what.split("+")}
        if kind == "tree":
            return with_descendants([int(what)])
        if kind == "pidfiles":
            return with_descendants(int(p.read_text().split()[0]) for p in Path(what).glob("*.pid"))
        raise SystemExit(f"{self.name}: processes are tree:PID, pids:1+2 or pidfiles:DIR")


def with_descendants(roots: Iterable[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = stat_fields(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    queue = list(roots)
    while queue:
        pid = queue.pop()
        if pid not in found:
            found.add(pid)
            queue += children.get(pid, [])
    return found


def stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pids: Iterable[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields:
            ticks += int(fields[11]) + int(fields[12])
    return ticks * TICK_S


def pss_mib(pids: Iterable[int]) -> float:
    kib = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        match = re.search(r"^Pss:\s+(\d+)", rollup, re.M)
        kib += int(match.group(1)) if match else 0
    return kib / 1024


@dataclass(frozen=True, slots=True)
class Load:
    seconds: float
    connections: int
    size: int
    count: int


def run_wrk(side: Side, work: str, load: Load, serial: int) -> tuple[int, int]:
    """(requests answered well, requests that failed) of one burst."""
    prefix = "o" if work in ("get", "head") else f"p{serial}-"
    script = LUA % {
        "method": work.upper(),
        "root": f"{side.root}/bench",
        "token": side.token,
        "count": load.count,
        "size": load.size,
        "prefix": prefix,
        "fresh": "true" if work in ("put", "delete") else "false",
    }
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as handle:
        handle.write(script)
        handle.flush()
        command = ["wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds:g}s", "--timeout=30s"]
        command += ["-s", handle.name, f"http://{side.host}/"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    match = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", output)
    if match is None:
        raise SystemExit(f"wrk said nothing usable: {output}")
    requests, refused, broken, _ = map(int, match.groups())
    return requests - refused, refused + broken


def measure(side: Side, work: str, load: Load, serial: int) -> tuple[float, float, int]:
    """(CPU ms a request, requests a second, failures)."""
    pids = side.pids()
    cpu, wall = cpu_seconds(pids), time.monotonic()
    good, failed = run_wrk(side, work, load, serial)
    cpu, wall = cpu_seconds(pids) - cpu, time.monotonic() - wall
    if not good:
        raise SystemExit(f"{side.name}: not one {work} was answered well ({failed} failed)")
    return cpu / good * 1000, good / wall, failed


def parse_side(text: str, user: str, key: str) -> Side:
    name, _, rest = text.partition("=")
    auth_url, _, processes = rest.rpartition(",")
    return Side(name, auth_url, processes, user, key)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--side", action="append", required=True, help="NAME=AUTH_URL,PROCESSES")
    parser.add_argument("--user", default="test:tester")
    parser.add_argument("--key", default="testing")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--count", type=int, default=200, help="objects that GET and HEAD turn to")
    parser.add_argument("--works", default="get,put", help=f"of {','.join(WORKS)}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sides = [parse_side(text, options.user, options.key) for text in options.side]
    load = Load(options.seconds, options.connections, options.size, options.count)
    for side in sides:
        side.log_in()
        side.call("PUT", "/bench")
        for index in range(load.count):
            status = side.call("PUT", f"/bench/o{index}", b"x" * load.size)
            if status != 201:
                raise SystemExit(f"{side.name}: seeding was answered {status}")
    results: dict[str, dict[str, list[float]]] = {}
    failures: dict[str, int] = {side.name: 0 for side in sides}
    for number in range(options.rounds):
        serial = time.time_ns() // 1000 + number
        for work in options.works.split(","):
            for side in sides:
                cost, rate, failed = measure(side, work, load, serial)
                results.setdefault(work, {}).setdefault(side.name, []).append(cost)
                failures[side.name] += failed
                if not options.json:
                    print(f"{work:7} {side.name:10} {cost:8.3f} ms CPU {rate:8.0f}/s", flush=True)
    memory = {side.name: round(pss_mib(side.pids()), 1) for side in sides}
    medians = {w: {s: statistics.median(v) for s, v in r.items()} for w, r in results.items()}
    if options.json:
        print(json.dumps({"cpu_ms": results, "pss_mib": memory, "failures": failures}))
        return 0
    for work, by_side in medians.items():
        first, *others = by_side.values()
        ratios = ", ".join(f"{other / first:.1f}x" for other in others)
        print(f"{work:7} medians {by_side} ratio {ratios}")
    print(f"PSS MiB {memory}; failed requests {failures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
