"""Deleting many objects, a few at a time, and counting what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swiftlite.host.bundle import Host
from swiftlite.middleware.bulk.report import Report
from swiftlite.vocab.names import check_utf8, quote_path
from swiftlite.vocab.status import is_success
from swiftlite.web.subrequest import make_subrequest, send
from swiftlite.web.wsgi import Environ, WsgiApp

DELETED, NOT_FOUND = "Number Deleted", "Number Not Found"


@dataclass(frozen=True, slots=True)
class DeleteRules:
    """concurrency: deletions under way at once. retries: of a container that is not empty yet."""

    concurrency: int = 2
    max_failures: int = 1000
    container_retries: int = 0
    source: str = "BD"
    agent: str = "%(orig)s BulkDelete"
    query: str = "multipart-manifest=get"


class TooManyFailures(Exception):
    """More objects failed than the rules allow; the rest is not tried."""


class Deletion:
    """One client's list of names being deleted."""

    def __init__(
        self, app: WsgiApp, parent: Environ, account_path: str, rules: DeleteRules, host: Host
    ) -> None:
        """account_path: `/v1/AUTH_x`, text."""
        self.report = Report(counts={DELETED: 0, NOT_FOUND: 0})
        self._app = app
        self._parent = parent
        self._account_path = account_path
        self._rules = rules
        self._host = host
        # Authentication may stand right of whoever deletes, and want to see who asks.
        service = parent.get("HTTP_X_SERVICE_TOKEN")
        self._headers = {"X-Service-Token": service} if service else {}

    def run(self, names: Iterable[str]) -> Report:
        """Delete `/container/object` or `/container`, text, in about the order given.

        Containers wait until all that came before them is done. Raises what `names` raises.
        """
        try:
            for group in _groups(iter(names), max(1, self._rules.concurrency)):
                if len(group) == 1:
                    self._delete(group[0])
                    continue
                tasks = [self._host.tasks.spawn(self._delete, name) for name in group]
                for task in tasks:
                    task.wait()
        except TooManyFailures:
            self.report.status = 413
            self.report.body = f"Max delete failures exceeded: {self._rules.max_failures}"
        if self.report.status == 200 and not any(self.report.counts.values()):
            self.report.status = 400
            self.report.body = "Invalid bulk delete."
        return self.report

    def _delete(self, name: str) -> None:
        shown = quote_path(name)
        if not check_utf8(name):
            self._fail(shown.lstrip("/"), 412)
            return
        status = self._attempt(name)
        retries = self._rules.container_retries if _is_container(name) else 0
        for attempt in range(retries):
            if status != 409:
                break
            self._host.tasks.sleep(1.5 ** (attempt + 1))
            status = self._attempt(name)
        if is_success(status):
            self.report.counts[DELETED] += 1
        elif status == 404:
            self.report.counts[NOT_FOUND] += 1
        else:
            self._fail(shown, status)

    def _attempt(self, name: str) -> int:
        request = make_subrequest(
            self._parent,
            "DELETE",
            self._account_path + name,
            query=self._rules.query,
            headers=self._headers,
            source=self._rules.source,
            agent=self._rules.agent,
        )
        response = send(self._app, request)
        response.discard_body()
        return response.status_int

    def _fail(self, name: str, status: int) -> None:
        self.report.fail(name, status)
        if len(self.report.errors) >= self._rules.max_failures:
            raise TooManyFailures


def _is_container(name: str) -> bool:
    return "/" not in name.strip("/")


def _groups(names: Iterator[str], size: int) -> Iterator[list[str]]:
    """Objects in groups; each container alone, after all before it."""
    group: list[str] = []
    for name in names:
        if _is_container(name):
            if group:
                yield group
            yield [name]
            group = []
            continue
        group.append(name)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
