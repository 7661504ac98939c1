"""What tests of large objects share: the part of a host that they need, and a way to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.middleware.parts import CountedEntropy, FakeStream, SetClock


class InlineTask:
    """A task that ran to its end when it was spawned."""

    def __init__(self, fn: Callable[..., Any], *args: Any) -> None:  # noqa: ANN401  # any function
        self.error: BaseException | None = None
        self.result: Any = None
        self.done = True
        try:
            self.result = fn(*args)
        except Exception as error:
            self.error = error

    def wait(self, deadline: float | None = None) -> Any:  # noqa: ANN401  # any result
        if self.error is not None:
            raise self.error
        return self.result

    def kill(self) -> None:
        pass


class InlineTasks:
    """host.tasks without tasks; sleeping moves the clock."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.slept: list[float] = []

    def spawn(self, fn: Callable[..., Any], *args: Any) -> InlineTask:  # noqa: ANN401  # any function
        return InlineTask(fn, *args)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.seconds += seconds


class FakeHost:
    """host.bundle.Host with what filters use."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.tasks = InlineTasks(self.clock)
        self.entropy = CountedEntropy()


def sent_by_itself(body: Any) -> bytes:  # noqa: ANN401  # a WSGI body
    """What a body sends to a stream."""
    stream = FakeStream()
    count = body.send_to(stream)
    body.close()
    assert count == len(stream.sent)
    return stream.sent
