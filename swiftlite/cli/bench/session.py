"""All measurements of one `swiftlite bench`, from the container's making to its removal."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from swiftlite.cli.bench.endpoint import Endpoint
from swiftlite.cli.bench.figures import Figures, spelled_bytes
from swiftlite.cli.bench.load import Driver
from swiftlite.cli.bench.measuring import measure
from swiftlite.cli.bench.report import Bar
from swiftlite.cli.bench.works import Container
from swiftlite.host.bundle import Host

_BAR_S = 0.2


@dataclass(frozen=True, slots=True)
class Wishes:
    works: tuple[str, ...]
    sizes: tuple[int, ...]
    clients: tuple[int, ...]
    seconds: float
    objects: int
    pids: tuple[int, ...]
    keep: bool


class Session:
    """stop() may be called by a signal handler."""

    def __init__(self, host: Host, endpoint: Endpoint, container: str, wishes: Wishes) -> None:
        self._host = host
        self._endpoint = endpoint
        self._name = container
        self._wishes = wishes
        self._bar = Bar(sys.stderr)
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def run(self) -> tuple[list[Figures], dict[str, int]]:
        """The figures, and what could not be cleaned up. Raises BenchError."""
        driver = Driver(self._host, self._endpoint)
        container = Container(driver, self._name, pause=self._host.tasks.sleep)
        try:
            container.make()
            try:
                figures = self._measurements(driver, container)
            finally:
                self._bar.show("cleaning up", 0.0)
                leftovers = {} if self._wishes.keep else container.remove()
                self._bar.clear()
        finally:
            driver.close()
        return figures, leftovers

    def _measurements(self, driver: Driver, container: Container) -> list[Figures]:
        wishes = self._wishes
        figures: list[Figures] = []
        for size in wishes.sizes:
            for clients in wishes.clients:
                for work in wishes.works:
                    if self.stopped:
                        return figures
                    figures.append(self._measured(driver, container, work, size, clients))
        return figures

    def _measured(
        self, driver: Driver, container: Container, work: str, size: int, clients: int
    ) -> Figures:
        wishes = self._wishes
        label = f"{work} {spelled_bytes(size)} ×{clients}"
        self._bar.show(f"{label}: seeding", 0.0)
        if work in ("get", "head", "list"):
            container.seed(size, wishes.objects)
        if work == "delete":
            container.ready_to_delete(size, wishes.objects)
        watching = self._host.tasks.spawn(self._watch, label)
        try:
            return measure(
                self._host,
                driver,
                work,
                container.calls(work, size),
                size=size,
                concurrency=clients,
                seconds=wishes.seconds,
                pids=wishes.pids,
                stopping=lambda: self.stopped,
            )
        finally:
            watching.kill()
            self._bar.clear()

    def _watch(self, label: str) -> None:
        start = self._host.clock.monotonic()
        while True:
            took = self._host.clock.monotonic() - start
            self._bar.show(
                f"{label}: {took:.1f} of {self._wishes.seconds:g} s", took / self._wishes.seconds
            )
            self._host.tasks.sleep(_BAR_S)
