"""What every host.tasks.Tasks with a loop promises; a subclass provides a `host`.

The plain host, which runs a task when it is spawned, promises less and is not held to this.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.host.bundle import Host
from swiftlite.host.net import DeadlinePassed
from swiftlite.host.tasks import TaskKilled


class _Failure(Exception):
    pass


def _fail() -> None:
    raise _Failure("as planned")


class TasksContract:
    """Pauses are short here; deadlines are coarse, so none is checked more closely than that."""

    def test_a_task_gives_its_result(self, host: Host) -> None:
        task = host.tasks.spawn(lambda a, b: a + b, 1, 2)
        assert task.wait() == 3
        assert task.done
        assert task.wait() == 3

    def test_a_task_gives_its_error(self, host: Host) -> None:
        task = host.tasks.spawn(_fail)
        for _ in range(2):
            found = ""
            try:
                task.wait()
            except _Failure as error:
                found = str(error)
            assert found == "as planned"

    def test_tasks_run_beside_each_other(self, host: Host) -> None:
        seen: list[int] = []

        def count(start: int) -> None:
            for step in range(3):
                seen.append(start + step)
                host.tasks.sleep(0.001)

        tasks = [host.tasks.spawn(count, start) for start in (0, 10)]
        for task in tasks:
            task.wait()
        assert sorted(seen) == [0, 1, 2, 10, 11, 12]
        assert seen != [0, 1, 2, 10, 11, 12]
        assert seen != [10, 11, 12, 0, 1, 2]

    def test_time_passes_while_sleeping(self, host: Host) -> None:
        before = host.clock.monotonic()
        host.tasks.sleep(0.02)
        assert host.clock.monotonic() - before >= 0.019

    def test_waiting_has_a_deadline_and_the_task_goes_on(self, host: Host) -> None:
        event = host.tasks.event()
        task = host.tasks.spawn(event.wait)
        assert _raises(DeadlinePassed, lambda: task.wait(host.clock.monotonic() + 0.01))
        assert not task.done
        event.set("value")
        assert task.wait() == "value"

    def test_a_killed_task_ends_where_it_waits(self, host: Host) -> None:
        notes: list[str] = []

        def wait_for_ever() -> None:
            try:
                notes.append("begun")
                host.tasks.event().wait()
            except Exception:
                notes.append("caught")
            finally:
                notes.append("tidied")

        task = host.tasks.spawn(wait_for_ever)
        host.tasks.sleep(0.001)
        task.kill()
        assert _raises(TaskKilled, task.wait)
        assert notes == ["begun", "tidied"]
        task.kill()

    def test_an_event_wakes_everybody_with_its_first_value(self, host: Host) -> None:
        event = host.tasks.event()
        waiting = [host.tasks.spawn(event.wait) for _ in range(3)]
        host.tasks.sleep(0)
        states = [event.is_set]
        event.set(1)
        event.set(2)
        assert [task.wait() for task in waiting] == [1, 1, 1]
        states.append(event.is_set)
        assert states == [False, True]
        assert event.wait() == 1

    def test_an_event_not_set_passes_the_deadline(self, host: Host) -> None:
        event = host.tasks.event()
        assert _raises(DeadlinePassed, lambda: event.wait(host.clock.monotonic() + 0.01))

    def test_a_lock_excludes_and_serves_in_order(self, host: Host) -> None:
        lock = host.tasks.lock()
        order: list[int] = []

        def hold(number: int) -> None:
            with lock:
                order.append(number)
                host.tasks.sleep(0.001)
                order.append(number)

        lock.acquire()
        tasks = []
        for number in range(3):
            tasks.append(host.tasks.spawn(hold, number))
            host.tasks.sleep(0.001)
        assert order == []
        lock.release()
        for task in tasks:
            task.wait()
        assert order == [0, 0, 1, 1, 2, 2]

    def test_a_lock_has_a_deadline(self, host: Host) -> None:
        lock = host.tasks.lock()
        with lock:
            waiting = host.tasks.spawn(lock.acquire, host.clock.monotonic() + 0.01)
            assert _raises(DeadlinePassed, waiting.wait)
        lock.acquire()
        lock.release()

    def test_a_lock_is_let_go_by_an_error(self, host: Host) -> None:
        lock = host.tasks.lock()

        def hold() -> None:
            with lock:
                _fail()

        assert _raises(_Failure, hold)
        lock.acquire(host.clock.monotonic() + 1)

    def test_a_semaphore_lets_n_in(self, host: Host) -> None:
        places = host.tasks.semaphore(2)
        inside, most = [0], [0]

        def enter() -> None:
            with places:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                host.tasks.sleep(0.001)
                inside[0] -= 1

        for task in [host.tasks.spawn(enter) for _ in range(6)]:
            task.wait()
        assert most == [2]
        assert inside == [0]

    def test_offloaded_work_gives_results_and_errors(self, host: Host) -> None:
        assert host.tasks.offload("sda1", lambda a: a * 2, 21) == 42
        assert _raises(_Failure, host.tasks.offload, "sda1", _fail)

    def test_offloaded_work_of_many_tasks_comes_back_to_each(self, host: Host) -> None:
        tasks = [
            host.tasks.spawn(lambda n: host.tasks.offload(f"sd{n % 3}", lambda: n * n), number)
            for number in range(30)
        ]
        assert [task.wait() for task in tasks] == [number * number for number in range(30)]

    def test_ids_tell_running_tasks_apart(self, host: Host) -> None:
        event = host.tasks.event()

        def identify() -> int:
            found = host.tasks.current_id()
            event.wait()
            assert host.tasks.current_id() == found
            return found

        tasks = [host.tasks.spawn(identify) for _ in range(3)]
        host.tasks.sleep(0.001)
        event.set()
        assert len({task.wait() for task in tasks}) == 3


def _raises(kind: type[BaseException], call: Callable[..., object], *arguments: object) -> bool:
    try:
        call(*arguments)
    except kind:
        return True
    return False
