"""What can be measured on a container of its own: the calls of each work, before and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import quote

from swiftlite.cli.bench.endpoint import BenchError
from swiftlite.cli.bench.load import Call, Driver
from swiftlite.peers.errors import PeerFault

WORKS = ("put", "get", "head", "list", "delete")
LISTING_ROWS = 10_000
_SEEDING_CLIENTS = 8
_EMPTY_TRIES = 60


class Container:
    """A container made for the measurement. Objects `seed-SIZE-N` are read, `put-SIZE-N` come and
    go."""

    def __init__(
        self,
        driver: Driver,
        name: str,
        *,
        policy: str | None = None,
        pause: Callable[[float], None],
    ) -> None:
        self._driver = driver
        self._path = f"/{quote(name)}"
        self._pause = pause
        self._policy = policy
        self._seeded: dict[int, int] = {}  # size -> objects that are there
        self._put: list[str] = []

    def make(self) -> None:
        """Raises BenchError."""
        try:
            status = self._driver.one(Call("PUT", self._path))
        except PeerFault as fault:
            raise BenchError(f"The endpoint cannot be reached: {fault.reason}.") from None
        if status not in (201, 202):
            raise BenchError(f"Making the container was answered {status}.")

    def seed(self, size: int, objects: int) -> None:
        """Have so many objects of this size to read. Raises BenchError."""
        first = self._seeded.get(size, 0)
        calls = (self._put_call(f"seed-{size}-{n}", size) for n in range(first, objects))
        self._seeded[size] = max(first, objects)
        self._must(calls, "Seeding")

    def ready_to_delete(self, size: int, objects: int) -> None:
        """Have so many objects to delete, if nothing has been put so far. Raises BenchError."""
        if not self._put:
            self._must((self.next_put(size) for _ in range(objects)), "Seeding")

    def calls(self, work: str, size: int) -> Iterator[Call]:
        """Without an end, save for deletions, which come to an end with the objects."""
        if work == "put":
            return (self.next_put(size) for _ in count())
        if work == "delete":
            return self._deletions()
        if work == "list":
            return self._listings(size)
        return (
            Call(work.upper(), f"{self._path}/seed-{size}-{n % self._seeded[size]}")
            for n in count()
        )

    def next_put(self, size: int) -> Call:
        name = f"put-{size}-{len(self._put)}"
        self._put.append(name)
        return self._put_call(name, size)

    def remove(self) -> dict[str, int]:
        """Everything that was put there, and the container; what went wrong, and how often."""
        seeds = [
            f"seed-{size}-{n}" for size, objects in self._seeded.items() for n in range(objects)
        ]
        gone = (204, 404)
        calls = (Call("DELETE", f"{self._path}/{name}", 0, gone) for name in [*self._put, *seeds])
        errors = dict(self._driver.run(calls, _SEEDING_CLIENTS).errors)
        self._put.clear()
        self._seeded.clear()
        status = self._driver.one(Call("DELETE", self._path))
        for _ in range(_EMPTY_TRIES):  # rows may arrive a little later
            if status in gone:
                return errors
            self._pause(0.5)
            status = self._driver.one(Call("DELETE", self._path))
        return {**errors, f"deleting the container was answered {status}": 1}

    def _put_call(self, name: str, size: int) -> Call:
        return Call("PUT", f"{self._path}/{name}", size, (201,))

    def _deletions(self) -> Iterator[Call]:
        while self._put:
            yield Call("DELETE", f"{self._path}/{self._put.pop()}", 0, (204,))

    def _listings(self, size: int) -> Iterator[Call]:
        """From changing places, as pages are asked for."""
        for n in count():
            marker = f"seed-{size}-{n * 7919 % max(1, self._seeded.get(size, 1))}" if n % 2 else ""
            yield Call("GET", f"{self._path}?format=json&limit={LISTING_ROWS}&marker={marker}")

    def _must(self, calls: Iterator[Call], what: str) -> None:
        errors = self._driver.run(calls, _SEEDING_CLIENTS).errors
        if errors:
            raise BenchError(f"{what} went wrong: {dict(errors)}.")
