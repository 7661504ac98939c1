"""Containers are told before the client is, or an update is kept that will tell them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.host.bundle import Host
from swiftlite.obj.server.updates import targets_of
from tests.obj.servers import HASH_PATH, NOW, Containers, Server, after

EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture
def swiftlite_containers(host: Host) -> Iterator[Containers]:
    made = Containers(host, rows=True)
    yield made
    made.stop()


def test_without_a_container_nobody_is_told(server: Server) -> None:
    assert server.put().status == 201
    assert server.pendings() == []


def test_a_put_is_told_as_swift_tells_it(server: Server, containers: Containers) -> None:
    answer = server.put(b"hello", X_Trans_Id="tx1", **containers.headers())
    assert answer.status == 201
    ((verb, path, headers, body),) = containers.calls
    assert (verb, path, body) == ("PUT", "/sdc1/9/a/c/o", b"")
    told = {
        "X-Size": "5",
        "X-Content-Type": "text/plain",
        "X-Etag": "5d41402abc4b2a76b9719d911017c592",
        "X-Timestamp": NOW.internal,
        "X-Backend-Storage-Policy-Index": "0",
        "X-Trans-Id": "tx1",
        "X-Backend-Swiftlite": "rows",
    }
    assert {name: headers[name] for name in told} == told
    assert server.pendings() == []


def test_names_are_quoted(server: Server, containers: Containers) -> None:
    server.put(path="/sda1/7/a/c \xc3\xbc/o?%", **containers.headers())
    assert containers.calls[0][1] == "/sdc1/9/a/c%20%C3%BC/o%3F%25"


def test_a_delete_and_a_post_are_told(server: Server, containers: Containers) -> None:
    server.put(b"hello", Content_Type="a/b;swift_bytes=99")
    server.ask("POST", at=after(1), Content_Type="a/c", **containers.headers())
    server.ask("DELETE", at=after(2), **containers.headers())
    (post, delete) = containers.calls
    assert post[0] == "PUT"
    told = {
        "X-Size": "5",
        "X-Content-Type": "a/c;swift_bytes=99",
        "X-Timestamp": NOW.internal,
        "X-Content-Type-Timestamp": after(1).internal,
        "X-Meta-Timestamp": after(1).internal,
    }
    assert {name: post[2][name] for name in told} == told
    assert delete[0] == "DELETE"
    assert delete[2]["X-Timestamp"] == after(2).internal


def test_what_is_refused_is_not_told(server: Server, containers: Containers) -> None:
    server.put(at=after(5))
    assert server.put(**containers.headers()).status == 409
    assert server.put(at=after(6), ETag="0" * 32, **containers.headers()).status == 422
    assert server.ask("DELETE", **containers.headers()).status == 409
    assert containers.calls == []


@pytest.mark.parametrize("status", [404, 500, 503, 507])
def test_an_update_that_is_not_taken_is_kept(
    server: Server, containers: Containers, status: int
) -> None:
    containers.status["PUT"] = status
    assert server.put(b"hello", **containers.headers()).status == 201
    (pending,) = server.pendings()
    assert (pending.op, pending.account, pending.container, pending.obj) == ("PUT", "a", "c", "o")
    assert pending.headers["X-Size"] == "5"
    assert pending.headers["X-Timestamp"] == NOW.internal
    name_hash = HASH_PATH.hex("a", "c", "o")
    expected = f"sda1/async_pending/{name_hash[-3:]}/{name_hash}-{NOW.internal}"
    assert (server.root / expected).exists()


def test_a_server_that_is_not_there(server: Server, containers: Containers) -> None:
    containers.stop()
    assert server.put(b"hello", **containers.headers()).status == 201
    assert len(server.pendings()) == 1


def test_a_server_that_is_slow(host: Host, tmp_path: Path, containers: Containers) -> None:
    server = Server(host, tmp_path, container_update_timeout=0.05)
    release = host.tasks.event()
    containers.gate = release.wait
    try:
        assert server.put(b"hello", **containers.headers()).status == 201
        assert len(server.pendings()) == 1
    finally:
        release.set()


@pytest.mark.parametrize("rows", [False, True])
def test_only_the_first_waits_for_a_silent_server_until_it_is_heard_again(
    host: Host, tmp_path: Path, rows: bool
) -> None:
    containers = Containers(host, rows=rows)
    server = Server(host, tmp_path, container_update_timeout=0.5)
    later = server.app.context.updates.later
    assert put_one(server, containers, 0) == 201
    release = host.tasks.event()
    containers.gate = release.wait
    try:
        assert put_one(server, containers, 1) == 201
        assert len(containers.calls) == 2
        assert [put_one(server, containers, n) for n in range(2, 6)] == [201] * 4
        assert len(containers.calls) == 2  # nobody asked it, so nobody waited
        assert [pending.obj for pending in server.pendings()] == ["o1", "o2", "o3", "o4", "o5"]
    finally:
        release.set()
    containers.gate = lambda: None
    assert later.round() == 5
    assert server.pendings() == []
    count = len(containers.calls)
    assert put_one(server, containers, 6) == 201
    assert len(containers.calls) == count + 1
    containers.stop()


def test_those_who_waited_behind_a_call_in_vain_do_not_try_in_turn(
    host: Host, tmp_path: Path, swiftlite_containers: Containers
) -> None:
    containers = swiftlite_containers
    server = Server(host, tmp_path, container_update_timeout=0.5)
    assert put_one(server, containers, 0) == 201
    release = host.tasks.event()
    containers.gate = release.wait
    try:
        first = host.tasks.spawn(put_one, server, containers, 1)
        while len(containers.calls) < 2:
            host.tasks.sleep(0.01)
        tasks = [host.tasks.spawn(put_one, server, containers, n) for n in range(2, 6)]
        while lane_length(server) < 4 and not first.done:
            host.tasks.sleep(0.01)
        assert [task.wait() for task in [first, *tasks]] == [201] * 5
        assert len(containers.calls) == 2
        assert len(server.pendings()) == 5
    finally:
        release.set()


def test_a_silent_server_does_not_keep_another_from_being_told(
    host: Host, tmp_path: Path, containers: Containers, swiftlite_containers: Containers
) -> None:
    server = Server(host, tmp_path, container_update_timeout=0.5)
    headers = {
        "X_Container_Host": f"{containers.host_header},{swiftlite_containers.host_header}",
        "X_Container_Device": "sdc1,sdd1",
        "X_Container_Partition": "9",
    }
    release = host.tasks.event()
    containers.gate = release.wait
    try:
        for n in range(3):
            assert server.put(path=f"/sda1/{n}/a/c/o{n}", **headers).status == 201
    finally:
        release.set()
    assert len(containers.calls) == 1
    assert len(swiftlite_containers.calls) == 3
    assert len(server.pendings()) == 3


def test_headers_that_do_not_fit_together_keep_the_update(
    server: Server, containers: Containers
) -> None:
    headers = containers.headers()
    headers["X_Container_Device"] = "sdc1,sdd1"
    assert server.put(**headers).status == 201
    assert len(server.pendings()) == 1
    assert containers.calls == []


def test_a_policy_keeps_its_updates_apart(server: Server, containers: Containers) -> None:
    containers.stop()
    server.put(X_Backend_Storage_Policy_Index="1", **containers.headers())
    assert list(server.root.glob("sda1/async_pending-1/*/*"))
    assert server.pendings()[0].headers["X-Backend-Storage-Policy-Index"] == "1"


def test_several_servers_are_told_and_each_counts(
    host: Host, server: Server, containers: Containers, swiftlite_containers: Containers
) -> None:
    headers = {
        "X_Container_Host": f"{containers.host_header}, {swiftlite_containers.host_header}",
        "X_Container_Device": "sdc1,sdd1",
        "X_Container_Partition": "9",
    }
    assert server.put(b"1", **headers).status == 201
    assert server.put(b"2", after(1), **headers).status == 201
    assert [call[0] for call in containers.calls] == ["PUT", "PUT"]
    assert [call[0] for call in swiftlite_containers.calls] == ["PUT", "UPDATE"]
    assert server.pendings() == []
    containers.status["PUT"] = 503
    assert server.put(b"3", after(2), **headers).status == 201
    assert len(server.pendings()) == 1


def test_a_shard_is_told_in_place_of_the_root(server: Server, containers: Containers) -> None:
    headers = {
        "X_Backend_Quoted_Container_Path": ".shards_a/c%20x", "X_Container_Root_Db_State": "sharded"
    }  # fmt: skip
    server.put(**headers, **containers.headers())
    assert containers.calls[0][1] == "/sdc1/9/.shards_a/c%20x/o"
    containers.stop()
    server.put(at=after(1), **headers, **containers.headers())
    (pending,) = server.pendings()
    assert (pending.container_path, pending.db_state) == (".shards_a/c x", "sharded")
    assert (pending.account, pending.container) == ("a", "c")


def test_overrides_of_the_row(server: Server, containers: Containers) -> None:
    server.put(
        b"hello",
        X_Object_Sysmeta_Container_Update_Override_Etag="sys",
        X_Backend_Container_Update_Override_Etag="backend",
        X_Backend_Container_Update_Override_Size="77",
        X_Backend_Container_Update_Override_Content_Type="x/y",
        **containers.headers(),
    )
    told = containers.calls[0][2]
    assert (told["X-Etag"], told["X-Size"], told["X-Content-Type"]) == ("sys", "77", "x/y")
    server.ask("POST", at=after(1), **containers.headers())
    assert containers.calls[1][2]["X-Etag"] == "sys"


# Many rows in a call


def test_rows_gather_while_a_call_is_out(
    host: Host, server: Server, swiftlite_containers: Containers
) -> None:
    containers = swiftlite_containers
    server.put(path="/sda1/7/a/c/first", **containers.headers())
    arrived, release = host.tasks.event(), host.tasks.event()

    def gate() -> None:
        arrived.set()
        release.wait()

    containers.gate = gate
    tasks = [host.tasks.spawn(put_one, server, containers, 0)]
    arrived.wait()  # the call of the first is out
    tasks += [host.tasks.spawn(put_one, server, containers, n) for n in range(1, 20)]
    while lane_length(server) < 19:
        host.tasks.sleep(0.01)
    release.set()
    assert [task.wait() for task in tasks] == [201] * 20
    assert [call[0] for call in containers.calls] == ["PUT", "UPDATE", "UPDATE"]
    assert containers.calls[1][1] == "/sdc1/9/a/c"
    assert containers.calls[1][2]["X-Backend-Swiftlite-Rows"] == "1"
    one, many = containers.sent_rows()
    assert one == [
        {
            "name": "o0", "created_at": NOW.internal, "size": 5, "content_type": "text/plain",
            "etag": "5d41402abc4b2a76b9719d911017c592", "deleted": 0, "storage_policy_index": 0,
            "ctype_timestamp": None, "meta_timestamp": None,
        }
    ]  # fmt: skip
    assert sorted(row["name"] for row in many) == sorted(f"o{n}" for n in range(1, 20))
    assert server.pendings() == []


def put_one(server: Server, containers: Containers, n: int) -> int:
    return server.put(path=f"/sda1/{n}/a/c/o{n}", **containers.headers()).status


def lane_length(server: Server) -> int:
    lanes = server.app.context.updates.sender._lanes
    return sum(len(lane.queue) for lane in lanes.values())


def test_rows_go_singly_where_that_is_wished(
    host: Host, tmp_path: Path, swiftlite_containers: Containers
) -> None:
    server = Server(host, tmp_path, send_rows_together=False)
    assert [put_one(server, swiftlite_containers, n) for n in range(3)] == [201] * 3
    assert [call[0] for call in swiftlite_containers.calls] == ["PUT"] * 3


def test_a_batch_that_fails_is_kept_row_by_row(
    host: Host, server: Server, swiftlite_containers: Containers
) -> None:
    containers = swiftlite_containers
    server.put(path="/sda1/7/a/c/first", **containers.headers())
    containers.status["UPDATE"] = 503
    tasks = [host.tasks.spawn(put_one, server, containers, n) for n in range(8)]
    assert [task.wait() for task in tasks] == [201] * 8
    assert sorted(pending.obj for pending in server.pendings()) == [f"o{n}" for n in range(8)]
    assert not server.app.context.updates.sender._lanes


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 20", b"HTTP/1.1 202 Accepted\r\nContent-Le", b"\x00garbage\r\n\r\n"],
    ids=["nothing", "half a status", "half a head", "garbage"],
)
def test_a_call_that_breaks_off_in_mid_answer_leaves_every_row_kept(
    host: Host, server: Server, swiftlite_containers: Containers, said: bytes
) -> None:
    """It may have been carried out; telling a row twice does no harm, losing one would."""
    containers = swiftlite_containers
    server.put(path="/sda1/7/a/c/first", **containers.headers())
    containers.breaks_off = said
    tasks = [host.tasks.spawn(put_one, server, containers, n) for n in range(8)]
    assert [task.wait() for task in tasks] == [201] * 8
    assert sorted(pending.obj for pending in server.pendings()) == [f"o{n}" for n in range(8)]
    containers.breaks_off = None
    assert put_one(server, containers, 9) == 201
    assert len(server.pendings()) == 8


def test_one_bad_row_does_not_keep_the_others_from_being_listed(
    host: Host, server: Server, swiftlite_containers: Containers
) -> None:
    containers = swiftlite_containers
    server.put(path="/sda1/7/a/c/first", **containers.headers())

    def judge(body: bytes) -> int:
        return 400 if any(row["name"] == "o3" for row in json.loads(body)) else 202

    containers.status["UPDATE"] = judge
    tasks = [host.tasks.spawn(put_one, server, containers, n) for n in range(8)]
    assert [task.wait() for task in tasks] == [201] * 8
    told = {call[1].rpartition("/")[2] for call in containers.calls if call[0] == "PUT"}
    told |= {row["name"] for rows in containers.sent_rows() for row in rows}
    assert {f"o{n}" for n in range(8)} <= told
    assert {pending.obj for pending in server.pendings()} <= {"o3"}


def test_waiting_for_a_lane_ends_in_time(
    host: Host, tmp_path: Path, swiftlite_containers: Containers
) -> None:
    containers = swiftlite_containers
    server = Server(host, tmp_path, container_update_timeout=0.05)
    server.put(path="/sda1/7/a/c/first", **containers.headers())
    release = host.tasks.event()
    containers.gate = release.wait
    try:
        tasks = [host.tasks.spawn(put_one, server, containers, n) for n in range(5)]
        assert [task.wait() for task in tasks] == [201] * 5
        assert len(server.pendings()) == 5
    finally:
        release.set()
    containers.gate = lambda: None
    assert put_one(server, containers, 9) == 201
    assert len(server.pendings()) == 5


# The expirer's queue


def expiry_headers(containers: Containers) -> dict[str, str]:
    return {
        "X_Delete_At_Host": containers.host_header,
        "X_Delete_At_Device": "sde1",
        "X_Delete_At_Partition": "3",
        "X_Delete_At_Container": "1700000123",
    }


def test_an_expiry_is_queued(server: Server, containers: Containers) -> None:
    server.put(b"hello", X_Delete_At="1700000500", **expiry_headers(containers))
    ((verb, path, headers, _),) = containers.calls
    assert verb == "PUT"
    assert path == "/sde1/3/.expiring_objects/1700000123/1700000500-a/c/o"
    told = {
        "X-Size": "0",
        "X-Etag": EMPTY_MD5,
        "X-Content-Type": "text/plain;swift_expirer_bytes=5",
        "X-Content-Type-Timestamp": NOW.internal,
        "X-Timestamp": NOW.internal,
        "X-Backend-Storage-Policy-Index": "0",
    }
    assert {name: headers[name] for name in told} == told


def test_an_old_expiry_is_taken_back_later(server: Server, containers: Containers) -> None:
    server.put(b"hello", X_Delete_At="1700000500")
    server.put(b"hello", after(1))
    (pending,) = server.pendings()
    assert (pending.op, pending.account) == ("DELETE", ".expiring_objects")
    assert pending.obj == "1700000500-a/c/o"
    assert pending.headers["X-Timestamp"] == after(1).internal


def test_an_old_expiry_may_be_left_in_the_queue(server: Server) -> None:
    server.put(b"hello", X_Delete_At="1700000500")
    server.put(b"hello", after(1), X_Backend_Clean_Expiring_Object_Queue="false")
    server.ask("DELETE", at=after(2))
    assert server.pendings() == []


def test_a_post_moves_the_expiry(server: Server, containers: Containers) -> None:
    server.put(b"hello", X_Delete_At="1700000500")
    server.ask("POST", at=after(1), X_Delete_At="1700000600", **expiry_headers(containers))
    assert containers.calls[0][1].endswith("/1700000600-a/c/o")
    assert [pending.obj for pending in server.pendings()] == ["1700000500-a/c/o"]


def test_replication_tells_nobody(server: Server, containers: Containers) -> None:
    server.put(
        b"x", X_Delete_At="1700000500", X_Backend_Replication="true", **expiry_headers(containers)
    )
    assert containers.calls == []
    assert server.pendings() == []


def test_an_expiry_without_a_place_is_kept(server: Server) -> None:
    server.put(b"x", X_Delete_At="1700000500", X_Delete_At_Host="")
    (pending,) = server.pendings()
    assert pending.op == "PUT"
    assert pending.account == ".expiring_objects"


@pytest.mark.parametrize(
    ("hosts", "devices", "partition", "expected"),
    [
        ("127.0.0.1:6201", "sda", "5", ((("127.0.0.1", 6201), "sda", 5),)),
        ("[::1]:1, h:2", "a,b", "5", ((("::1", 1), "a", 5), (("h", 2), "b", 5))),
        ("", "", "5", ()),
        ("h:1", "", "5", None),
        ("h", "a", "5", None),
        ("h:x", "a", "5", None),
        ("h:99999", "a", "5", None),
        ("h:1", "a", "x", None),
    ],
)
def test_targets(hosts: str, devices: str, partition: str, expected: object) -> None:
    assert targets_of(hosts, devices, partition) == expected
