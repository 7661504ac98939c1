"""Clients of the whole cluster, and what each of their names may hold.

A name belongs to one client and a client to one proxy, so that the order of its changes is the
order of their timestamps, whatever the clocks say of each other.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.sim.whole_cluster import Proxy

CONTAINERS = ("c1", "c2")
NAMES_EACH = 5
ACCEPTED = {"PUT": (201,), "DELETE": (204, 404), "POST": (202,)}
EXPECTED = (200, 201, 202, 204, 404, 409, 503, 507)
"""Any other status is a mistake, whatever goes wrong."""


@dataclass(frozen=True)
class State:
    """body None: no such object. expires: 0 for never."""

    body: bytes | None = None
    meta: str = ""
    expires: int = 0


GONE = State()


@dataclass
class History:
    """What was tried with one name, in order, and whether it was granted."""

    tries: list[tuple[State, bool]] = field(default_factory=lambda: [(GONE, True)])

    def possible(self, earliest: float, latest: float) -> set[State]:
        """What may be there when the nodes' clocks are between the two."""
        last = max(index for index, (_, granted) in enumerate(self.tries) if granted)
        found = set()
        for state, _ in self.tries[last:]:
            if not state.expires or state.expires > earliest:
                found.add(state)
            if state.expires and state.expires <= latest:
                found.add(GONE)
        return found

    @property
    def settled(self) -> bool:
        return self.tries[-1][1]


class Client:
    """pauses: seconds between two requests, from and to. widest: of clocks, seconds."""

    def __init__(
        self, number: int, proxy: Proxy, chance: random.Random, pauses: tuple[float, float],
        widest: float,
    ) -> None:  # fmt: skip
        self.proxy = proxy
        self.histories = {
            f"{container}/n{number}-{index}": History()
            for container in CONTAINERS
            for index in range(NAMES_EACH)
        }
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self._chance = chance
        self._pauses = pauses
        self._widest = widest
        self._number = number
        self._versions = 0

    def run(self, until: float) -> None:
        """until: monotonic."""
        clock = self.proxy.node.host.clock
        acts = {self.put: 40, self.delete: 15, self.get: 25, self.post: 10, self.list: 10}
        while clock.monotonic() < until:
            self.proxy.node.tasks.sleep(self._chance.uniform(*self._pauses))
            name = self._chance.choice(list(self.histories))
            (act,) = self._chance.choices(list(acts), list(acts.values()))
            act(name)

    def put(self, name: str) -> None:
        self._versions += 1
        line = f"{name} {self._versions} ".encode()
        body = line * self._chance.choice((1, 1, 1, 300, 6_000))
        headers, expires = {}, 0
        if self._chance.random() < 0.1:
            expires = int(self._now()) + self._chance.choice((60, 1_000))
            headers["X_Delete_At"] = str(expires)
        self._try("PUT", name, State(body, "", expires), body, **headers)

    def delete(self, name: str) -> None:
        self._try("DELETE", name, GONE)

    def post(self, name: str) -> None:
        history = self.histories[name]
        before = history.tries[-1][0]
        if history.settled and before.body is not None and not before.expires:
            self._versions += 1
            meta = str(self._versions)
            self._try("POST", name, State(before.body, meta), X_Object_Meta_At=meta)

    def _try(self, verb: str, name: str, state: State, body: bytes = b"", **headers: str) -> None:
        history = self.histories[name]
        history.tries.append((state, False))
        status = self._ask(verb, name, body, **headers)
        history.tries[-1] = (state, status in ACCEPTED[verb])

    def get(self, name: str) -> None:
        """Whatever is read must have been written, whole."""
        answer = self.proxy.ask("GET", name)
        self._count("GET", name, answer.status)
        if answer.status == 200 and len(answer.body) == int(answer.headers["content-length"]):
            bodies = {state.body for state, _ in self.histories[name].tries}
            if answer.body not in bodies:
                self.wrong.append(f"{name} gave what nobody wrote: {answer.body[:40]!r}")

    def list(self, name: str) -> None:
        container = name.partition("/")[0]
        answer = self.proxy.ask("GET", container, query="format=json")
        self._count("LIST", container, answer.status)
        if answer.status == 200:
            json.loads(answer.body)

    def _ask(self, verb: str, name: str, body: bytes = b"", **headers: str) -> int:
        status = self.proxy.ask(verb, name, body, **headers).status
        self._count(verb, name, status)
        return status

    def _count(self, verb: str, name: str, status: int) -> None:
        self.counts[f"{verb} {status}"] += 1
        if status not in EXPECTED:
            self.wrong.append(f"{verb} {name} was answered {status}")

    def _now(self) -> float:
        return self.proxy.node.host.clock.wall()

    # --- at the end

    def newest(self, name: str) -> State | None:
        """None: there is no answer."""
        answer = self.proxy.ask("GET", name, X_Newest="true")
        if answer.status == 404:
            return GONE
        if answer.status != 200:
            return None
        headers = answer.headers
        expires = int(headers.get("x-delete-at", "0"))
        return State(answer.body, headers.get("x-object-meta-at", ""), expires)

    def possible(self, name: str) -> set[State]:
        now = self.proxy.cluster.world.clock.wall()
        return self.histories[name].possible(now - self._widest, now + self._widest)
