from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

import pytest

from swiftlite.config.load import ConfError
from swiftlite.formats.expirer_task import ACCOUNT, task_container, task_name
from swiftlite.httpd.acceptor import serve
from swiftlite.obj.expirer.delays import read_delays
from swiftlite.obj.expirer.expire import ExpirerPass
from swiftlite.obj.expirer.options import ExpirerOptions
from swiftlite.obj.expirer.queue import Share
from swiftlite.observe import recon
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.ring import Device
from swiftlite.service.internal_client import InternalClient
from swiftlite.service.passes import Idle
from swiftlite.testing.sim_host import World
from swiftlite.vocab.names import wsgi_to_text
from tests.service.contexts import Lines, cluster_of, make_context
from tests.sim.cluster import OneRing

PAGE_SIZE = 3


class Proxy:
    """A proxy whose queue and answers the test decides."""

    def __init__(self) -> None:
        self.queue: dict[str, dict[str, str]] = {}  # container -> task name -> content type
        self.deletes: list[tuple[str, dict[str, str]]] = []
        self.status = 204
        self.broken: set[str] = set()  # paths that answer 503

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        path = wsgi_to_text(environ["PATH_INFO"]).removeprefix("/v1/")
        status, body = self.answer(environ, path)
        start_response(f"{status} X", [("Content-Length", str(len(body)))])
        return [body]

    def answer(self, environ: dict[str, Any], path: str) -> tuple[int, bytes]:
        if path in self.broken:
            return 503, b""
        if environ["REQUEST_METHOD"] == "DELETE":
            headers = {k: v for k, v in environ.items() if k.startswith("HTTP_X")}
            self.deletes.append((path, headers))
            return (409 if path.startswith(ACCOUNT) else self.status), b""
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        marker = query["marker"][0]
        if path == ACCOUNT:
            entries = [{"name": name} for name in sorted(self.queue)]
        else:
            tasks = self.queue[path.split("/")[1]]
            entries = [{"name": n, "content_type": tasks[n]} for n in sorted(tasks)]
        entries = [entry for entry in entries if entry["name"] > marker][:PAGE_SIZE]
        return 200, json.dumps(entries).encode()


class ExpirerWorld:
    def __init__(self) -> None:
        self.world = World(1)
        self.node = self.world.node("10.0.0.1")
        self.world.run_for(2_000_000_000 - self.node.host.clock.wall())
        self.now = int(self.node.host.clock.wall())
        self.proxy = Proxy()
        self.dropped: list[str] = []
        self.sink = Lines()
        host = self.world.node("10.0.1.1").host
        log = Log("container", sink=NullSink())
        serve(host.net.listen(("10.0.1.1", 6201)), self._container, host=host, log=log)
        device = Device(0, 1, 0, "10.0.1.1", 6201, "10.0.1.1", 6201, "sdc", 1.0)
        self.container = OneRing([device], 1)
        self.world.run_for(0.1)
        self.node.disk.makedirs("/var/cache/swift")

    def _container(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        body = environ["wsgi.input"].read()
        path = wsgi_to_text(environ["PATH_INFO"]).split("/", 5)
        names = [item["name"] for item in json.loads(body)] if body else [path[5]]
        self.dropped += names
        start_response("204 X", [("Content-Length", "0"), ("X-Backend-Swiftlite", "rows")])
        return []

    def add(self, seconds: int, path: str, kind: str = "text/plain") -> str:
        """A task that was due, or will be, so many seconds from now."""
        account, container, obj = path.split("/", 2)
        at = self.now + seconds
        queue = task_container(cluster_of().hash_path, at, account, container, obj)
        name = task_name(at, account, container, obj)
        self.proxy.queue.setdefault(queue, {})[name] = kind
        return name

    def run(
        self, conf: dict[str, str] | None = None, conf_path: str = "object-expirer.conf",
        flags: dict[str, int] | None = None, **options: Any,  # noqa: ANN401 - of ExpirerOptions
    ) -> None:  # fmt: skip
        def main() -> None:
            context = make_context(
                self.node.host, rings=self, conf=conf, sink=self.sink, conf_path=conf_path,
                flags=flags or {},
            )  # fmt: skip
            client = InternalClient(self.proxy, "test", tries=3, pause=context.sleep)
            expirer = ExpirerPass(context, ExpirerOptions(**options), client)
            while not isinstance(expirer.step(), Idle):
                pass
            expirer.close()

        self.world.run(self.node, main)

    @property
    def deleted(self) -> list[str]:
        return [path for path, _ in self.proxy.deletes if not path.startswith(ACCOUNT)]


def test_what_is_due_is_deleted_and_its_tasks_are_dropped() -> None:
    world = ExpirerWorld()
    due = [world.add(-n, f"a/c/ö {n}") for n in range(1, 11)]
    world.add(5000, "a/c/later")
    world.run()
    assert sorted(world.deleted) == sorted(f"a/c/ö {n}" for n in range(1, 11))
    assert sorted(world.dropped) == sorted(due)


def test_a_delete_bears_the_time_of_the_expiry_and_asks_for_it() -> None:
    world = ExpirerWorld()
    world.add(-7, "a/c/o")
    world.run()
    ((_, headers),) = [one for one in world.proxy.deletes if one[0] == "a/c/o"]
    moment = f"{world.now - 7}.00000"
    assert headers["HTTP_X_TIMESTAMP"] == moment
    assert headers["HTTP_X_IF_DELETE_AT"] == moment
    assert headers["HTTP_X_BACKEND_CLEAN_EXPIRING_OBJECT_QUEUE"] == "no"


def test_an_asynchronous_delete_is_unconditional_and_never_delayed() -> None:
    world = ExpirerWorld()
    world.add(-7, "a/c/o", "application/async-deleted")
    world.proxy.status = 404
    world.run({"delay_reaping_a": "100"})
    ((_, headers),) = [one for one in world.proxy.deletes if one[0] == "a/c/o"]
    assert "HTTP_X_IF_DELETE_AT" not in headers
    assert len(world.dropped) == 1


@pytest.mark.parametrize("status", [404, 412])
def test_a_young_task_whose_object_is_not_found_stays(status: int) -> None:
    world = ExpirerWorld()
    world.add(-100, "a/c/o")
    world.proxy.status = status
    world.run(reclaim_age=200.0)
    assert world.dropped == []
    world.run(reclaim_age=50.0)
    assert len(world.dropped) == 1


def test_an_object_written_anew_keeps_its_data_and_loses_the_task() -> None:
    world = ExpirerWorld()
    world.add(-100, "a/c/o")
    world.proxy.status = 409
    world.run()
    assert len(world.dropped) == 1


def test_a_failing_delete_is_tried_again_and_then_left_to_the_next_pass() -> None:
    world = ExpirerWorld()
    world.add(-100, "a/c/o")
    world.proxy.status = 503
    world.run()
    assert world.deleted == ["a/c/o"] * 3
    assert world.dropped == []


def test_delays_hold_for_accounts_and_containers() -> None:
    world = ExpirerWorld()
    for path in ("a/c/o", "a/d/o", "b/c/o"):
        world.add(-50, path)
    world.run({"delay_reaping_a": "100", "delay_reaping_a/d": "10"})
    assert sorted(world.deleted) == ["a/d/o", "b/c/o"]


def test_processes_share_the_tasks_without_overlap() -> None:
    world = ExpirerWorld()
    for n in range(30):
        world.add(-5, f"a/c/o{n}")
    for process in range(3):
        world.run(flags={"processes": 3, "process": process})
    assert len(world.deleted) == 30
    assert len(set(world.deleted)) == 30

    assert [Share(p, 2).has("c", "t") for p in (0, 1)].count(True) == 1


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfError, match="process must be less than processes"):
        ExpirerWorld().run(flags={"processes": 2, "process": 2})


def test_objects_of_one_container_are_not_deleted_in_a_row() -> None:
    world = ExpirerWorld()
    for n in range(4):
        world.add(-5, f"a/busy/o{n}")
        world.add(-5, f"b/busy/o{n}")
    world.run()
    assert [path[0] for path in world.deleted] == ["a", "b"] * 4


def test_a_container_that_cannot_be_listed_holds_up_no_other() -> None:
    world = ExpirerWorld()
    world.add(-200_000, "a/c/old")
    broken = next(iter(world.proxy.queue))
    world.add(-5, "a/c/new")
    world.proxy.broken.add(f"{ACCOUNT}/{broken}")
    world.run()
    assert world.deleted == ["a/c/new"]


def test_a_queue_that_cannot_be_listed_is_left_to_the_next_pass() -> None:
    world = ExpirerWorld()
    world.proxy.broken.add(ACCOUNT)
    world.run()
    assert any("cannot be listed" in line for line in world.sink.lines)


def test_empty_containers_of_the_past_are_removed() -> None:
    world = ExpirerWorld()
    world.proxy.queue["0000086400"] = {}
    world.run()
    assert world.proxy.deletes[0][0] == f"{ACCOUNT}/0000086400"


def test_a_task_that_cannot_be_read_is_passed_over() -> None:
    world = ExpirerWorld()
    world.add(-5, "a/c/o")
    next(iter(world.proxy.queue.values()))["0000000001-nonsense"] = "text/plain"
    world.run()
    assert world.deleted == ["a/c/o"]


def test_a_node_that_is_not_told_to_leaves_the_queue_alone() -> None:
    world = ExpirerWorld()
    world.add(-5, "a/c/o")
    world.run(conf_path="object-server.conf")
    assert world.deleted == []
    world.run(conf_path="object-server.conf", dequeue_from_legacy=True)
    assert world.deleted == ["a/c/o"]


def test_the_rate_is_kept() -> None:
    world = ExpirerWorld()
    for n in range(30):
        world.add(-5, f"a/c/o{n}")
    began = world.node.host.clock.monotonic()
    world.run(tasks_per_second=10.0)
    assert world.node.host.clock.monotonic() - began >= 2.0


def test_recon_tells_of_the_last_pass() -> None:
    world = ExpirerWorld()
    world.add(-5, "a/c/o")
    world.run()
    cache = recon.load(world.node.disk, "/var/cache/swift/object.recon")
    assert cache["expired_last_pass"] == 1
    assert isinstance(cache["object_expiration_pass"], float)


@pytest.mark.parametrize(
    ("key", "value"),
    [("delay_reaping_", "1"), ("delay_reaping_a/b/c", "1"), ("delay_reaping_/a", "1"),
     ("delay_reaping_a", "x"), ("delay_reaping_a", "-1"), ("delay_reaping_a", "nan")],
)  # fmt: skip
def test_delays_that_make_no_sense_are_refused(key: str, value: str) -> None:
    with pytest.raises(ConfError):
        read_delays({key: value}, where="x")


def test_names_in_delays_are_unquoted() -> None:
    delays = read_delays({"delay_reaping_a%20b/c%3D": "7"}, where="x")
    assert delays.of("a b", "c=") == 7
    assert delays.of("a b", "d") == 0
