"""Engines of servers and of daemons: how much each keeps open."""

from __future__ import annotations

import os
from pathlib import Path

from swiftlite.dbstore import CONTAINER_KIND, ContainerBroker, DatabaseOptions
from swiftlite.dbsync.databases import engine_for
from tests.dbstore.stores import row
from tests.dbsync.nodes import Make
from tests.service.contexts import make_context


def open_databases(root: Path) -> int:
    links = []
    for name in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue  # that of the listing itself
    return sum(link.startswith(str(root)) and link.endswith(".db") for link in links)


def test_a_daemon_that_has_seen_many_databases_keeps_few_of_them_open(make: Make) -> None:
    node = make(count=1, replicas=1)[0]
    places = []
    for number in range(40):
        broker = node.made(f"c{number}")
        broker.merge_rows([row("o")])
        places.append(broker.place)
    node.app.engine.close()
    assert open_databases(node.root) == 0
    options = DatabaseOptions(devices=str(node.root), mount_check=False)
    engine = engine_for(
        CONTAINER_KIND, make_context(node.nodes.host, cluster=node.app.conf), options
    )
    for place in places:
        assert ContainerBroker(engine, place).facts().object_count == 1
    assert 0 < open_databases(node.root) <= 20
    engine.close()
    assert open_databases(node.root) == 0
