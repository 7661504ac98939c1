"""Writers, readers and deleters, and what they may expect to find.

Every name belongs to one worker, so that its history is one line: what was acknowledged last, and
what was attempted since without an answer that says whether it happened. Bodies name themselves, so
that a wrong or torn one is seen whoever reads it. The journal has all that was asked and answered,
with the transaction's number, by which the servers' logs tell the rest.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
import time
import traceback
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

DELETED = ""
"""The state of a name that is not there; any other state is the version of its body."""
WELL = (200, 201, 204, 404)
"""Statuses of requests that were answered well."""
_PATIENCE_S = 45.0


def wall_clock() -> str:
    """As the logs have it."""
    return time.strftime("%H:%M:%S", time.gmtime())


def body_of(name: str, version: str, size: int) -> bytes:
    """Bytes that say whose they are, all through."""
    line = f"{name}|{version}|{size}\n".encode()
    return (line * (size // len(line) + 1))[: max(size, len(line))]


def version_in(name: str, body: bytes) -> str | None:
    """Undo body_of; None for a body that was never written under this name, or not like this."""
    line = body.split(b"\n", 1)[0]
    parts = line.decode("utf-8", "replace").rsplit("|", 2)
    if len(parts) != 3 or parts[0] != name or not parts[2].isdigit():
        return None
    return parts[1] if body == body_of(name, parts[1], int(parts[2])) else None


@dataclass(frozen=True)
class Body:
    """What a listing has to say of one version."""

    size: int
    etag: str


@dataclass
class History:
    """One name. known: the state acknowledged last; maybe: states attempted since."""

    known: str = DELETED
    maybe: set[str] = field(default_factory=set)
    bodies: dict[str, Body] = field(default_factory=dict)

    @property
    def allowed(self) -> set[str]:
        return {self.known, *self.maybe}


class Client:
    """One user, one connection, opened again whenever it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None
        self._token = ""
        self.account = ""

    def log_in(self) -> Client:
        headers = {"X-Auth-User": "test:tester", "X-Auth-Key": "testing"}
        status, found, _ = self._send("GET", "/auth/v1.0", b"", headers)
        assert status == 200, status
        self._token = found["x-auth-token"]
        self.account = urllib.parse.urlsplit(found["x-storage-url"]).path
        return self

    def ask(
        self, method: str, path: str = "", body: bytes = b"", query: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """path: `/container/object`. Status 0: no answer, so nobody knows."""
        target = self.account + urllib.parse.quote(path) + (f"?{query}" if query else "")
        try:
            return self._send(method, target, body, {"X-Auth-Token": self._token})
        except (OSError, http.client.HTTPException):
            self.close()
            return 0, {}, b""

    def look(
        self, method: str, path: str = "", query: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """As ask(), once more on a new connection if the present one had been closed."""
        found = self.ask(method, path, query=query)
        return found if found[0] else self.ask(method, path, query=query)

    def _send(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=_PATIENCE_S
            )
        self._connection.request(method, target, body=body, headers=headers)
        answer = self._connection.getresponse()
        data = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if answer.will_close:
            self.close()
        return answer.status, found, data

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Worker(threading.Thread):
    """Does one thing after another until stopped. wrong: what must never be seen."""

    def __init__(
        self, number: int, port: int, containers: list[str], seed: int, stopped: threading.Event
    ) -> None:
        super().__init__(name=f"worker {number}", daemon=True)
        self._random = random.Random(f"{seed} {number}")
        self._client = Client(port).log_in()
        self._stopped = stopped
        self._versions = 0
        self.number = number
        self.names = [
            f"/{container}/w{number}-{'ü' if n % 7 == 0 else 'o'}{n}"
            for container in containers
            for n in range(20)
        ]
        self.histories = {name: History() for name in self.names}
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.journal: list[str] = []  # when, what, how it was answered
        self.writes: list[float] = []  # when each write was acknowledged
        self.answers: list[tuple[float, float, int]] = []  # asked when, answered when, status
        self._status = 0  # of the request at hand

    @property
    def slowest(self) -> float:
        return max((late - early for early, late, _ in self.answers), default=0.0)

    def run(self) -> None:
        acts: list[tuple[int, Callable[[str], None]]] = [
            (50, self._do_put), (15, self._do_delete), (35, self._do_get),
        ]  # fmt: skip
        weights = [weight for weight, _ in acts]
        while not self._stopped.is_set():
            name = self._random.choice(self.names)
            ((_, act),) = self._random.choices(acts, weights)
            began = time.monotonic()
            self._status = 0
            try:
                act(name)
            except Exception:
                self.wrong.append(f"{self.name} gave up: {traceback.format_exc()}")
                break
            self.answers.append((began, time.monotonic(), self._status))
        self._client.close()

    def _do_put(self, name: str) -> None:
        self._versions += 1
        version = f"{self.number}.{self._versions}"
        size = self._random.choice((0, 100, 1000, 5000, 70_000, 300_000))
        body = body_of(name, version, size)
        history = self.histories[name]
        history.bodies[version] = Body(len(body), hashlib.md5(body).hexdigest())
        status, headers, _ = self._client.ask("PUT", name, body)
        self._note("PUT", status, history, version)
        self._keep(f"PUT {version}", name, status, headers)

    def _do_delete(self, name: str) -> None:
        history = self.histories[name]
        status, headers, _ = self._client.ask("DELETE", name)
        self._note("DELETE", status, history, DELETED)
        self._keep("DELETE", name, status, headers)

    def _keep(self, what: str, name: str, status: int, headers: dict[str, str]) -> None:
        self._status = status
        moment = f"{wall_clock()} {time.monotonic():.2f}"
        number = headers.get("x-trans-id", "-")
        self.journal.append(f"{moment} w{self.number} {what} {name} {status} {number}")

    def _note(self, verb: str, status: int, history: History, state: str) -> None:
        self.counts[f"{verb} {status}"] += 1
        if status == 500:
            self.wrong.append(f"{verb}: status 500, which is our mistake whatever goes wrong")
        if status in (201, 204):
            history.known, history.maybe = state, set()
            self.writes.append(time.monotonic())
        else:
            history.maybe.add(state)

    def _do_get(self, name: str) -> None:
        status, headers, body = self._client.ask("GET", name)
        self.counts[f"GET {status}"] += 1
        version = version_in(name, body) if status == 200 else None
        self._keep(f"GET {version}", name, status, headers)
        if status == 200:
            if version is None or version not in self.histories[name].bodies:
                self.wrong.append(f"GET {name} gave {len(body)} bytes nobody wrote: {body[:80]!r}")
        elif status not in (0, 404, 503, 507):
            self.wrong.append(f"GET {name}: status {status}")
