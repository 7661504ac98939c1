from __future__ import annotations

import errno

import pytest

from swiftlite.formats.async_pending import decode_async_pending, encode_async_pending
from swiftlite.formats.swift_pickle import dumps
from swiftlite.observe import recon
from swiftlite.testing.sim_faults import Faults, PowerCut
from swiftlite.vocab.timestamp import Timestamp
from tests.obj.updater.worlds import MOMENT, Reply, UpdaterWorld

NOTHING: list[str] = []


@pytest.mark.parametrize("takes_rows", [True, False], ids=["swiftlite", "swift"])
def test_every_server_gets_every_row_and_nothing_is_left(takes_rows: bool) -> None:
    world = UpdaterWorld(takes_rows=takes_rows)
    for number in range(100):
        world.save(f"Ü {number}", container="b" if number % 3 else "c")
    world.save("gone", op="DELETE")
    world.sweep()
    for container in world.containers:
        assert len(container.rows) == 101
        assert container.rows["a/c/gone"] == "DELETE"
        assert container.rows["a/c/Ü 99"] == "PUT"
    assert world.files() == NOTHING


def test_rows_of_a_container_go_together_to_those_who_take_many() -> None:
    world = UpdaterWorld()
    for number in range(500):
        world.save(str(number))
    world.sweep()
    for container in world.containers:
        assert [method for method, _ in container.calls] == ["PUT", "UPDATE"]


def test_a_call_names_the_policy_of_the_file_and_takes_redirects() -> None:
    world = UpdaterWorld(takes_rows=False)
    world.save("o")
    world.sweep()
    (headers, *_) = world.containers[0].headers
    assert headers["HTTP_X_BACKEND_STORAGE_POLICY_INDEX"] == "0"
    assert headers["HTTP_X_BACKEND_ACCEPT_REDIRECT"] == "true"
    assert headers["HTTP_X_BACKEND_ACCEPT_QUOTED_LOCATION"] == "true"
    assert headers["HTTP_USER_AGENT"].startswith("object-updater ")


def test_who_has_been_told_is_remembered_on_disk() -> None:
    world = UpdaterWorld()
    world.containers[1].reply = lambda method, path: (503, {})
    path = world.save("o")
    world.sweep()
    assert decode_async_pending(world.read(path)).successes == (0, 2)
    for container in world.containers:
        container.calls.clear()
    world.containers[1].reply = lambda method, path: None
    world.sweep()
    assert [len(container.calls) for container in world.containers] == [0, 1, 0]
    assert world.files() == NOTHING


def test_a_server_that_is_down_keeps_updates_and_holds_up_nobody() -> None:
    world = UpdaterWorld()
    world.world.node("10.0.1.0").kill()
    for number in range(50):
        world.save(str(number), container=f"c{number % 10}")
    world.sweep()
    assert len(world.files()) == 50
    assert len(world.containers[1].rows) == 50
    assert len(world.containers[2].rows) == 50


def test_a_container_that_is_not_there_keeps_its_updates() -> None:
    world = UpdaterWorld()
    for container in world.containers:
        container.reply = lambda method, path: (404, {}) if "/lost" in path else None
    for number in range(3):
        world.save(f"o{number}", container="lost")
        world.save(f"o{number}", container="c")
    world.sweep()
    assert len(world.files()) == 3
    assert all(len(container.rows) == 3 for container in world.containers)


def test_the_newest_update_of_an_object_is_sent_and_older_ones_are_removed() -> None:
    world = UpdaterWorld(takes_rows=False)
    world.save("o", op="PUT")
    world.save("o", op="DELETE", moment=MOMENT.plus(5))
    world.sweep()
    assert world.containers[0].calls == [("DELETE", "/sdc/7/a/c/o")]
    assert world.files() == NOTHING


def test_a_file_that_cannot_be_understood_is_set_aside() -> None:
    world = UpdaterWorld()
    path = world.save_bytes("o", b"not a pickle")
    world.save("good")
    world.sweep()
    name = path.rpartition("/")[2]
    assert world.files() == [f"/srv/node/sda1/quarantined/objects/{name}"]
    assert "a/c/good" in world.containers[0].rows


def test_a_file_of_another_name_is_left_alone() -> None:
    world = UpdaterWorld()
    path = world.save("o").rpartition("/")[0] + "/notes"
    world.disk.close(world.disk.open(path, 0o101))
    world.sweep()
    assert world.files() == [path]


def test_one_bad_row_does_not_keep_the_others_from_being_listed() -> None:
    world = UpdaterWorld()
    for container in world.containers:
        container.reply = lambda method, path: (
            (400, {}) if method == "UPDATE" or path.endswith("/bad") else None
        )
    for number in range(40):
        world.save(str(number))
    bad = world.save("bad")
    world.sweep()
    assert world.files() == [bad]
    assert all(len(container.rows) == 40 for container in world.containers)


def redirecting(shard: str, moment: str = "1700000001.00000") -> Reply:
    return 301, {
        "Location": f"/{shard}/o%C3%9C",
        "X-Backend-Location-Is-Quoted": "true",
        "X-Backend-Redirect-Timestamp": moment,
    }


def test_a_redirected_update_goes_to_the_shard_at_once() -> None:
    world = UpdaterWorld(takes_rows=False)
    for container in world.containers:
        container.reply = lambda method, path: (
            redirecting(".shards_a/c-0") if path.startswith("/sdc/7/a/c/") else None
        )
    world.save("o")
    world.sweep()
    assert all(container.rows == {".shards_a/c-0/o": "PUT"} for container in world.containers)
    assert world.files() == NOTHING


def test_where_an_update_was_sent_is_kept_for_the_next_sweep() -> None:
    world = UpdaterWorld(takes_rows=False)
    for container in world.containers:
        container.reply = lambda method, path: (
            redirecting(".shards_a/c-0") if path.startswith("/sdc/7/a/c/") else (503, {})
        )
    path = world.save("o", successes=(2,))
    world.sweep()
    update = decode_async_pending(world.read(path))
    assert update.container_path == ".shards_a/c-0"
    assert update.redirect_history == (".shards_a/c-0",)
    assert update.successes == ()


def test_an_update_that_goes_in_circles_goes_to_the_root_again() -> None:
    world = UpdaterWorld(takes_rows=False)
    for container in world.containers:
        container.reply = lambda method, path: redirecting(".shards_a/c-0")
    path = world.save("o")
    world.sweep()  # to the shard, and from there to itself
    update = decode_async_pending(world.read(path))
    assert update.container_path is None
    assert update.redirect_history == ()


def test_the_newest_redirect_counts() -> None:
    world = UpdaterWorld(takes_rows=False)
    for number, container in enumerate(world.containers):
        reply = redirecting(f".shards_a/c-{number}", f"170000000{number}.00000")
        container.reply = lambda method, path, reply=reply: (  # type: ignore[misc]  # bound early
            reply if path.startswith("/sdc/7/a/c/") else None
        )
    world.save("o")
    world.sweep()
    assert world.containers[0].rows == {".shards_a/c-2/o": "PUT"}


def test_a_legacy_update_of_python_2_is_sent() -> None:
    world = UpdaterWorld(takes_rows=False)
    headers = {
        b"x-timestamp": b"1700000000.00000",
        b"x-size": 3,
        b"x-etag": b"e",
        b"x-content-type": b"t",
    }
    content = {
        b"op": b"PUT",
        b"account": b"a",
        b"container": b"c",
        b"obj": b"o",
        b"headers": headers,
    }
    world.save_bytes("o", dumps(content, 2))
    world.sweep()
    assert all(container.rows == {"a/c/o": "PUT"} for container in world.containers)
    assert world.containers[0].headers[0]["HTTP_X_SIZE"] == "3"


def test_a_file_written_anew_meanwhile_is_not_overwritten() -> None:
    world = UpdaterWorld(takes_rows=False)
    path = world.save("o")
    newer = encode_async_pending(decode_async_pending(world.read(path)))[:-1] + b" "

    def rewritten(method: str, target: str) -> Reply:
        fd = world.disk.open(path, 0o1001)
        world.disk.write(fd, newer)
        world.disk.close(fd)
        return 503, {}

    world.containers[1].reply = rewritten
    world.sweep()
    assert world.read(path) == newer


def test_a_container_gets_no_more_than_its_rate() -> None:
    world = UpdaterWorld(takes_rows=False)
    for number in range(30):
        world.save(str(number), container="busy")
    world.save("o", container="quiet")
    began = world.node.host.clock.monotonic()
    world.sweep(max_objects_per_container_per_second=10.0)
    assert 2.0 <= world.node.host.clock.monotonic() - began < 5
    assert world.files() == NOTHING


def test_what_the_rate_does_not_allow_within_the_interval_stays_for_the_next_sweep() -> None:
    world = UpdaterWorld(takes_rows=False)
    for number in range(100):
        world.save(str(number), container="busy")
    world.sweep(max_objects_per_container_per_second=10.0, interval=3.0)
    assert 50 < len(world.files()) < 90
    cache = recon.load(world.disk, f"{world.recon}/object.recon")
    assert cache["async_pending"] == len(world.files())


def test_the_oldest_failures_go_into_the_recon_cache() -> None:
    world = UpdaterWorld()
    for container in world.containers:
        container.reply = lambda method, path: (503, {})
    world.save("o1", container="c1")
    world.save("o2", container="c2", moment=Timestamp.from_text("1600000000"))
    world.sweep()
    cache = recon.load(world.disk, f"{world.recon}/object.recon")
    stats = cache["object_updater_stats"]
    assert isinstance(stats, dict)
    assert stats["failures_oldest_timestamp"] == 1600000000.0
    assert stats["failures_account_container_count"] == 2
    oldest = stats["failures_oldest_timestamp_account_containers"]
    assert oldest["oldest_entries"][0] == {
        "timestamp": 1600000000.0, "account": "a", "container": "c2",
    }  # fmt: skip
    assert isinstance(cache["object_updater_sweep"], float)
    assert cache["async_pending"] == 2


def test_empty_directories_go_once_they_have_been_empty_for_a_while() -> None:
    world = UpdaterWorld()
    folder = world.save("o").rpartition("/")[0]
    world.sweep()
    assert world.disk.exists(folder)
    world.world.run_for(61)
    world.sweep()
    assert not world.disk.exists(folder)


def test_a_broken_device_ends_nothing_but_its_own_sweep() -> None:
    world = UpdaterWorld()
    world.disk.makedirs("/srv/node/sdb1/async_pending")
    world.disk.broken["/srv/node/sdb1"] = 5
    world.save("o")
    world.sweep()
    assert all(container.rows == {"a/c/o": "PUT"} for container in world.containers)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_power_cut_at_any_call_loses_no_update(after: bool) -> None:
    """Each row is on every server by then, or its file is there and says who has had it."""
    for number in range(1, 200):
        world = UpdaterWorld(takes_rows=False, seed=number)
        world.containers[2].reply = lambda method, path: (503, {}) if "/late" in path else None
        paths = {name: world.save(name) for name in ("late", "now")}
        world.disk.cut_power()
        world.disk.power_on("nothing")
        world.disk.faults = Faults(cut_at=number, cut_after=after)
        try:
            world.sweep()
        except PowerCut:
            pass
        else:
            assert number > 10
            return
        world.disk.faults = Faults()
        world.disk.cut_power()
        world.disk.power_on("some of it")
        for name, path in paths.items():
            servers = [n for n, one in enumerate(world.containers) if f"a/c/{name}" in one.rows]
            if path in world.files():
                told = decode_async_pending(world.read(path)).successes
                assert set(told) <= set(servers), number
            else:
                assert servers == [0, 1, 2], (number, name)
    raise AssertionError("there are calls without end")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_disk_error_at_any_call_loses_no_update(code: int) -> None:
    for number in range(1, 200):
        world = UpdaterWorld(takes_rows=False, seed=number)
        world.containers[2].reply = lambda method, path: (503, {}) if "/late" in path else None
        paths = {name: world.save(name) for name in ("late", "now")}
        world.disk.faults = Faults(fail_at=number, fail_with=code)
        world.sweep()
        fired = world.disk.faults.fired
        world.disk.faults = Faults()
        for name, path in paths.items():
            servers = [n for n, one in enumerate(world.containers) if f"a/c/{name}" in one.rows]
            assert path in world.files() or servers == [0, 1, 2], (number, name)
        if not fired:
            return
    raise AssertionError("there are calls without end")
