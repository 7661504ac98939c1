"""Updates that are tried again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from swiftlite.formats.async_pending import AsyncPending
from swiftlite.host import plain
from swiftlite.host.tasks import Tasks
from swiftlite.obj.server import later
from swiftlite.obj.server.later import Kept, Later
from swiftlite.obj.server.rows import Row, Target
from swiftlite.objectstore.api import DeviceUnavailable
from swiftlite.vocab.timestamp import Timestamp

NEAR, FAR = Target(("10.0.0.1", 6201), "sda", 1), Target(("10.0.0.2", 6201), "sdb", 1)
MOMENT = Timestamp.from_text("1700000000")


class Containers:
    """What container servers answer, and what they were told."""

    def __init__(self) -> None:
        self.statuses: dict[tuple[Target, str], int | None] = {}
        self.told: list[tuple[Target, list[str]]] = []

    def send_many(self, target: Target, rows: Sequence[Row], /) -> int | None:
        (container,) = {row.container for row in rows}
        status = self.statuses.get((target, container), 202)
        self.told.append((target, [row.obj for row in rows]))
        return status


class Files:
    def __init__(self) -> None:
        self.dropped: list[str] = []
        self.gone = False

    def drop_pending(
        self, device: str, policy: int, moment: Timestamp, update: AsyncPending, /
    ) -> None:
        if self.gone:
            raise DeviceUnavailable(device)
        self.dropped.append(update.obj)


class Lines:
    def info(self, message: str, /) -> None: ...
    def exception(self, message: str, /) -> None:
        raise AssertionError(message)


class NoTasks:
    """Spawns nothing: the test turns the rounds."""

    def spawn(self, *_: object) -> None: ...


def kept(obj: str, *targets: Target, container: str = "c") -> Kept:
    headers = {"X-Timestamp": MOMENT.internal}
    return Kept(
        "sda",
        0,
        MOMENT,
        AsyncPending("PUT", "a", container, obj, headers),
        Row("PUT", "a", container, obj, headers),
        targets,
    )


def make() -> tuple[Later, Containers, Files]:
    containers, files = Containers(), Files()
    return Later(cast(Tasks, NoTasks()), containers, files, Lines()), containers, files


def test_what_was_delivered_is_removed_from_disk() -> None:
    updates, containers, files = make()
    updates.add(kept("o", NEAR, FAR))
    assert updates.round() == 1
    assert {target for target, _ in containers.told} == {NEAR, FAR}
    assert files.dropped == ["o"]
    assert updates.count == 0


def test_only_those_who_have_not_heard_are_told_again() -> None:
    updates, containers, files = make()
    containers.statuses[FAR, "c"] = None
    updates.add(kept("o", NEAR, FAR))
    assert updates.round() == 0
    assert files.dropped == []
    containers.told.clear()
    containers.statuses.clear()
    assert updates.round() == 1
    assert containers.told == [(FAR, ["o"])]
    assert files.dropped == ["o"]


def test_rows_of_one_container_go_together() -> None:
    updates, containers, _ = make()
    for number in range(later.BATCH_MAX + 1):
        updates.add(kept(str(number), NEAR))
    assert updates.round() == later.BATCH_MAX + 1
    assert [len(names) for _, names in containers.told] == [later.BATCH_MAX, 1]


def test_a_silent_server_is_asked_once_a_round() -> None:
    updates, containers, _ = make()
    containers.statuses[NEAR, "c"] = containers.statuses[NEAR, "d"] = None
    updates.add(kept("o", NEAR))
    updates.add(kept("o", NEAR, container="d"))
    assert updates.round() == 0
    assert len(containers.told) == 1
    assert updates.count == 2


def test_a_silent_server_is_asked_once_whatever_its_devices() -> None:
    updates, containers, _ = make()
    other = Target(NEAR.address, "sdz", 3)
    containers.statuses[NEAR, "c"] = containers.statuses[other, "c"] = None
    updates.add(kept("o", NEAR))
    updates.add(kept("p", other))
    updates.add(kept("q", FAR))
    assert updates.round() == 1
    assert [target for target, _ in containers.told] == [NEAR, FAR]


def test_a_container_that_refuses_is_left_to_the_updater_and_holds_up_nobody() -> None:
    updates, containers, files = make()
    containers.statuses[NEAR, "gone"] = 404
    updates.add(kept("o", NEAR, container="gone"))
    updates.add(kept("p", NEAR))
    assert updates.round() == 1
    assert files.dropped == ["p"]
    assert updates.count == 0


def test_a_server_in_trouble_is_asked_again() -> None:
    updates, containers, _ = make()
    containers.statuses[NEAR, "c"] = 507
    updates.add(kept("o", NEAR))
    assert updates.round() == 0
    assert updates.count == 1


def test_a_device_that_has_gone_keeps_the_file_and_nothing_breaks() -> None:
    updates, _, files = make()
    files.gone = True
    updates.add(kept("o", NEAR))
    assert updates.round() == 1
    assert updates.count == 0


def test_what_names_nobody_is_left_to_the_updater() -> None:
    updates, _, _ = make()
    updates.add(kept("o"))
    assert updates.count == 0


def test_memory_has_an_end() -> None:
    updates, _, _ = make()
    for number in range(later.KEPT_MAX + 5):
        updates.add(kept(str(number), NEAR))
    assert updates.count == later.KEPT_MAX


def test_the_task_ends_when_everything_is_told() -> None:
    """Over a host without a loop, adding runs the rounds at once; time does not pass."""

    class Timeless:
        def __init__(self) -> None:
            self.pauses: list[float] = []
            self.inner = plain.make_host().tasks

        def sleep(self, seconds: float) -> None:
            self.pauses.append(seconds)
            if len(self.pauses) == 3:
                containers.statuses.clear()

        def spawn(self, function: object, *arguments: object) -> object:
            return self.inner.spawn(function, *arguments)  # type: ignore[arg-type]  # as given

    tasks, containers, files = Timeless(), Containers(), Files()
    containers.statuses[NEAR, "c"] = None
    updates = Later(cast(Tasks, tasks), containers, files, Lines())
    updates.add(kept("o", NEAR))
    assert files.dropped == ["o"]
    assert tasks.pauses == [1.0, 2.0, 4.0]
