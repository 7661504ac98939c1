#!/usr/bin/env python3
"""Our filters beside Swift's: the same requests, before the same store in memory.

    tools/interop/middleware_versus.py --swift-python /path/to/python [name ...]

The Python has OpenStack Swift installed. Scenarios are in middleware_scenarios.py, each a chain of
filters and some requests. What may differ (dates, ids, the sentences of refusals) is left out;
everything else that differs is printed. Exit code 1 if anything did that is not in EXPECTED.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from swiftlite.host import bundle, plain  # noqa: E402
from swiftlite.web.request import Request  # noqa: E402
from tools.interop.middleware_peer import App, play  # noqa: E402
from tools.interop.middleware_scenarios import KEYS, SCENARIOS  # noqa: E402

IGNORED = {
    "connection",
    "date",
    "x-auth-token",
    "x-auth-token-expires",
    "x-openstack-request-id",
    "x-storage-token",
    "x-trans-id",
}
# Scenario, what the request or the difference looks like, and why it is not a fault of ours.
EXPECTED = (
    ("slo", r"HEAD .*format=raw", "Swift answers 500"),
    ("slo", r"b'\[(7|\{\})\]'", "Swift crashes"),
    ("slo", r"heartbeat=on.*body", "Swift begins with a blank"),
    ("slo", r"DELETE .*ranged", "a segment that is named twice is deleted once"),
    ("copy", r"slo", "Swift copies the large object's sysmeta to the flat copy"),
    ("listing_formats", r"text/plain;q=0'", "q=0 means: not this one"),
    ("listing_formats", r"prefix=zzz&format=xml.*(body|length)", "an element written out"),
    ("formpost", r"content-(type|length):", "a charset; a length that is text"),
    ("formpost", r"Click to continue", "ours is escaped"),
    ("bulk", r"text/xml.*body", "ours has its XML declaration when it is quick, too"),
    ("bulk", r"Invalid Tar File", "another sentence"),
    ("bulk", r"extract-archive=tar .*n/a|AUTH_a/d", "a name that ends in a slash is no object's"),
    ("bulk", r"xxxxxxxx", "names are measured before they are sent on"),
    ("symlink", r"POST ", "Swift shows the link's sysmeta to the gatekeeper"),
    ("symlink", r"content-location: None", "Swift tells it with 409"),
    ("symlink", r"GET /v1/AUTH_a/c\?format=json", "Swift drops the target's charset"),
    ("symlink", r"objects AUTH_a/c/hard", "as above"),
    ("staticweb", r"Moved Permanently|content-length: '103'", "another sentence"),
    ("versioned_writes", r"objects AUTH_a/old/002ö/17[0-9]{8}", "marks are named by the clock"),
)
OURS = {"versioned_writes": "versions"}


class Peer:
    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(HERE / "middleware_peer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def ours(request: dict[str, Any]) -> dict[str, Any]:
    def make(name: str, options: dict[str, str], app: App) -> App:
        module = import_module(f"swiftlite.middleware.{OURS.get(name, name)}")
        conf = {"swift_dir": SWIFT_DIR.name, "log_level": "CRITICAL"}
        made: App = module.filter_factory(conf, **options)(app)
        return made

    return play(request, make, Request)


SWIFT_DIR = tempfile.TemporaryDirectory()


def compare(mine: list[Any], theirs: list[Any]) -> list[str]:
    found = []
    if mine[0] != theirs[0]:
        found.append(f"status {mine[0]} instead of {theirs[0]}")
    refused = theirs[0] >= 400 or mine[0] >= 400
    left, right = _told(mine), _told(theirs)
    for name in sorted((set(left) | set(right)) - IGNORED):
        # Swift's responses have a type whether or not they have a body.
        if name in ("content-type", "content-length") and (refused or not right["body"]):
            continue
        if name == "body" and refused:
            continue
        if left.get(name) != right.get(name):
            found.append(f"{name}: {left.get(name)!r} instead of {right.get(name)!r}")
    return found


def is_expected(name: str, text: str) -> bool:
    return any(name == of and re.search(look, text, re.DOTALL) for of, look, _why in EXPECTED)


def _told(answer: list[Any]) -> dict[str, str]:
    """Headers and body, without what is made up anew each time."""
    headers = dict(answer[1])
    body = base64.b64decode(answer[2]).decode("latin-1")
    kind, _, boundary = headers.get("content-type", "").partition("boundary=")
    if boundary:
        headers["content-type"] = kind.replace(" ", "") + "boundary="
        body = body.replace(boundary, "BOUNDARY").rstrip()
        headers["content-length"] = "some"
    if ";swift_bytes=" in kind:  # taken out by the proxy
        headers["content-type"] = kind.partition(";swift_bytes=")[0]
    body = re.sub(r";swift_bytes=[0-9]+", "", body)
    if body.startswith("{"):
        body = json.dumps(json.loads(body), sort_keys=True)
    return {**headers, "body": body[:600]}


def differences(name: str, peer: Peer) -> tuple[int, list[str]]:
    """Play one scenario on both sides: how many requests it has, and what differs."""
    filters, scenario = SCENARIOS[name]
    steps = list(scenario())
    request = {
        "filters": filters,
        "steps": steps,
        "accounts": ["AUTH_a", "AUTH_b"],
        "allow": name != "tempauth",
        "keys": KEYS if name == "tempauth" else None,
    }
    mine, theirs = ours(request), peer.ask(request)
    if "error" in theirs:
        raise SystemExit(f"{name}: {theirs['error']}")
    found = []
    for one, left, right in zip(steps, mine["answers"], theirs["answers"], strict=True):
        body = base64.b64decode(one["body"])[:150]
        about = f"{one['method']} {one['path']}?{one['query']} {one['headers']} {body!r}"
        found += [f"{about}\n    {line}" for line in compare(left, right)]
    for kind in ("objects", "containers", "accounts"):
        for key in sorted(set(mine[kind]) | set(theirs[kind])):
            left, right = mine[kind].get(key), theirs[kind].get(key)
            if left != right:
                found.append(f"{kind} {key}\n    {left}\n    {right}")
    return len(steps), found


def prepare() -> None:
    """What the filters of this side need before there is one."""
    Path(SWIFT_DIR.name, "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    bundle.install(plain.make_host())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift-python", required=True)
    parser.add_argument("names", nargs="*", choices=[[], *SCENARIOS], metavar="name")
    arguments = parser.parse_args()
    prepare()
    peer = Peer(arguments.swift_python)
    total = 0
    for name in arguments.names or SCENARIOS:
        requests, found = differences(name, peer)
        wrong = [text for text in found if not is_expected(name, text)]
        for text in wrong:
            print(f"{name}: {text}")
        print(
            f"{name}: {requests} requests, {len(found)} differences, "
            f"{len(wrong)} of them not expected"
        )
        total += len(wrong)
    peer.close()
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
