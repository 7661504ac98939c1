"""Answers, bytes and what is stored are the same with every fast lane on and with all off."""

from __future__ import annotations

import hashlib
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import ServerName
from tests.functional import cluster as clusters
from tests.functional.cluster import Answer, Client, Separate, wait_for
from tools.faults.lanes import switch_off

pytestmark = pytest.mark.slow

BIG = os.urandom(5_000_003)
TOLD_ANEW = frozenset(
    ("date", "x-trans-id", "x-openstack-request-id", "x-timestamp", "last-modified")
)
OBJECTS = "objects/*/*/*/*.data"


def told(answer: Answer) -> tuple[int, dict[str, str], str]:
    """What must be the same."""
    headers = {name: text for name, text in answer.headers.items() if name not in TOLD_ANEW}
    kind, _, boundary = headers.get("content-type", "").partition(";boundary=")
    body = answer.body.replace(boundary.encode(), b"boundary") if boundary else answer.body
    if boundary:
        headers["content-type"] = kind
    return answer.status, headers, hashlib.md5(body).hexdigest()


def conversation(client: Client) -> list[tuple[int, dict[str, str], str]]:
    """Everything that lanes have a part in, and its border cases."""
    client.put("/c")
    etag = hashlib.md5(BIG).hexdigest()
    answers = [
        client.put("/c/o", BIG, Content_Type="image/png", X_Object_Meta_Color="blue"),
        client.put("/c/right", BIG, ETag=etag),
        client.put("/c/wrong", BIG, ETag="0" * 32),
        client.put("/c/o", BIG, If_None_Match="*"),
        client.put("/c/chunks", (BIG[at : at + 70_001] for at in range(0, len(BIG), 70_001))),
        client.put("/c/exact", bytes(1 << 20)),
        client.get("/c/wrong"),
        client.head("/c/o"),
    ]
    for name in ("o", "right", "chunks", "exact"):
        answers += [
            client.get(f"/c/{name}"),
            client.get(f"/c/{name}", Range="bytes=1000-"),
            client.get(f"/c/{name}", Range="bytes=-900001"),
            client.get(f"/c/{name}", Range="bytes=0-399999,500000-999999"),
            client.get(f"/c/{name}", Range="bytes=99999999-"),
            client.get(f"/c/{name}", If_None_Match=etag),
            client.get(f"/c/{name}", If_Match=etag),
            client.get(f"/c/{name}", X_Newest="true"),
        ]
    return [told(answer) for answer in answers]


def stored(cluster: Separate) -> dict[str, list[tuple[str, str]]]:
    """Content and attributes of all files, by name, node after node."""
    found: dict[str, list[tuple[str, str]]] = {}
    for node in range(1, cluster.layout.nodes + 1):
        for path in cluster.files(node, OBJECTS):
            content = hashlib.md5(path.read_bytes()).hexdigest()
            blocks = os.getxattr(path, "user.swiftlite.blocks").hex()
            found.setdefault(path.parent.name, []).append((content, blocks))
    return found


@pytest.mark.skipif(clusters.LANES_OFF, reason="there are no lanes to compare with")
def test_the_same_with_lanes_and_without(tmp_path: Path) -> None:
    seen, kept = [], []
    for off in (False, True):
        cluster = Separate(tmp_path / str(off))
        try:
            if off:
                switch_off(cluster.layout)
            client = cluster.start().client()
            seen.append(conversation(client))
            kept.append(sorted(map(sorted, stored(cluster).values())))
            client.close()
        finally:
            cluster.close()
    for one, other in zip(*seen, strict=True):
        assert one == other
    assert kept[0] == kept[1]
    assert all(len(copies) == 3 for copies in kept[0])


def test_a_lender_killed_in_the_middle_of_a_get(separate: Separate) -> None:
    """The proxy has the file by then and needs nobody; or another node goes on."""
    client = separate.client()
    client.put("/c")
    body = os.urandom(1 << 20) * 64
    assert client.put("/c/o", body).status == 201
    for _ in range(2):
        connection = client.open("GET", "/c/o")
        answer = connection.getresponse()
        first = answer.read(1 << 20)
        for node in (1, 2, 3, 4):
            separate.kill(ServerName("object", node))
            separate.start(ServerName("object", node))
        assert first + answer.read() == body
        connection.close()


def test_a_proxy_killed_in_the_middle_of_an_upload_leaves_nothing(separate: Separate) -> None:
    client = separate.client()
    client.put("/c")
    connection = client.open("PUT", "/c/o", Content_Length=str(len(BIG)))
    connection.send(BIG[:3_000_000])
    proxy = ServerName("proxy")
    os.kill(separate.pid(proxy), signal.SIGSTOP)
    separate.kill(proxy)
    connection.close()
    separate.start(proxy)
    client = separate.client()
    assert client.get("/c/o").status == 404
    for node in (1, 2, 3, 4):
        assert separate.files(node, OBJECTS) == []
        wait_for(partial(lets_all_go, separate, node), "unnamed files are let go")


def lets_all_go(cluster: Separate, node: int) -> bool:
    """Whether an object server holds no unnamed file."""
    links = []
    for path in Path(f"/proc/{cluster.pid(ServerName('object', node))}/fd").iterdir():
        try:
            links.append(os.readlink(path))
        except FileNotFoundError:
            continue
    return not [link for link in links if link.endswith(" (deleted)") and "/objects" in link]
