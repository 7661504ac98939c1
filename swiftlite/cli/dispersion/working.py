"""What populate and report share: the account, many requests at a time, how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from swiftlite.cli.dispersion.options import DispersionOptions
from swiftlite.cli.swift_client import Login, SwiftClient, log_in
from swiftlite.host.os_clock import monotonic, sleep

T = TypeVar("T")
R = TypeVar("R")
_FIRST_WORD_S, _NEXT_WORD_S = 2.0, 5.0
CLEAR = "\r\x1b[K"


def account_of(options: DispersionOptions) -> SwiftClient:
    """Raises ClientError."""
    insecure = options.keystone_api_insecure
    url, token = log_in(
        Login(
            options.auth_url,
            options.auth_user,
            options.auth_key,
            options.auth_version,
            options.project_name,
            options.user_domain_name,
            options.project_domain_name,
            options.endpoint_type,
            options.region_name,
            insecure,
        )
    )
    return SwiftClient(url, token, options.retries, sleep, insecure)


class Progress:
    """Says now and then how far a work is, when somebody looks."""

    def __init__(self, verb: str, total: int, retried: Callable[[], int], *, quiet: bool) -> None:
        self._verb = verb
        self._total = total
        self._retried = retried
        self._quiet = quiet
        self._begun = monotonic()
        self._next = self._begun + _FIRST_WORD_S
        self.done = 0

    def step(self) -> None:
        self.done += 1
        now = monotonic()
        if self._quiet or now < self._next:
            return
        self._next = now + _NEXT_WORD_S
        left = (now - self._begun) / self.done * (self._total - self.done)
        print(
            f"{CLEAR}{self._verb}: {self.done} of {self._total}, {_spell(left)} left, "
            f"{self._retried()} retries",
            end="",
            flush=True,
        )

    def elapsed(self) -> str:
        return _spell(monotonic() - self._begun)


def _spell(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{round(seconds / size)}{unit}"
    return f"{round(seconds)}s"


def side_by_side(
    work: Callable[[T], R], items: Iterable[T], concurrency: int, progress: Progress
) -> list[R]:
    """The results, in order; the first failure raises once what was begun has ended."""
    with ThreadPoolExecutor(concurrency) as pool:
        begun = [pool.submit(work, item) for item in items]
        results = []
        try:
            for one in begun:
                results.append(one.result())
                progress.step()
        except BaseException:
            for one in begun:
                one.cancel()
            raise
    return results
