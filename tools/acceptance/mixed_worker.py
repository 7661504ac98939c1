"""One client of the mixed load: does one thing after another, and knows what each must give.

Every name belongs to one client, which waits for each answer, so what a name holds is always known
exactly. Names are used again and again: what is on the disks stays bounded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from swiftlite.host.bundle import Host
from tools.acceptance.mixed_bodies import Joined
from tools.acceptance.mixed_checks import Checks, Thing

CONTAINERS = ("mix-0", "mix-1", "mix-2", "mix-ü")
LARGE, SEGMENTS, EXPIRING = "mix-large", "mix-segments", "mix-expiring"
ERRORS_MAX = 200
_SMALL = 60  # objects of a client in each container
_LARGE = 2
_SMALL_BYTES = (0, 100, 1024, 1024, 4096, 20_000, 70_000, 300_000)
_MIB = 1 << 20
_EXPIRES_S = 20
_OLD_S = 30.0


@dataclass(slots=True)
class Worker:
    host: Host
    check: Checks
    small: dict[str, Thing] = field(default_factory=dict)
    large: dict[str, Thing] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)  # nobody knows what they hold
    expiring: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for container in CONTAINERS:
            for n in range(_SMALL):
                self.small[f"/{container}/{self.prefix}{'ö' if n % 7 == 0 else 'o'}{n}"] = Thing()
        for n in range(_LARGE):
            self.large[f"/{LARGE}/{self.prefix}{n}"] = Thing()

    @property
    def prefix(self) -> str:
        return f"w{self.check.client}-"

    def run(self, until: float) -> None:
        acts: list[tuple[int, Callable[[], None]]] = [
            (240, self.put), (300, self.get), (80, self.head), (80, self.get_range),
            (40, self.post), (90, self.delete), (30, self.copy), (30, self.unchanged),
            (30, self.list_container), (10, self.list_account), (10, self.expire),
            (10, self.put_large), (20, self.get_large), (30, self.get_large_range),
            (4, self.segmented), (6, self.short_lived),
        ]  # fmt: skip
        weights = [weight for weight, _ in acts]
        journal, monotonic = self.check.journal, self.host.clock.monotonic
        while monotonic() < until and journal.errors.total() < ERRORS_MAX:
            ((_, act),) = self.check.chance.choices(acts, weights)
            act()

    # Small objects

    def put(self) -> None:
        name = self._choose(self.small)
        content = self.check.content(name, self.check.chance.choice(_SMALL_BYTES))
        self._now(self.small, name, self.check.put("PUT", name, content))

    def get(self) -> None:
        name = self._choose(self.small)
        self.check.get("GET", name, self.small[name])

    def head(self) -> None:
        name = self._choose(self.small)
        thing = self.small[name]
        wanted = (404,) if thing.content is None else (200,)
        reply = self.check.send("HEAD", wanted, "HEAD", name)
        if reply is not None and thing.content is not None:
            self.check.same("HEAD", name, thing, reply)
            length = reply.headers.get("Content-Length")
            self.check.expect("HEAD", name, length, str(thing.content.size))

    def get_range(self) -> None:
        name = self._choose(self.small)
        self.check.get_range("GET range", name, self.small[name], 1 << 14)

    def post(self) -> None:
        name = self._choose(self.small)
        thing = self.small[name]
        wanted = (404,) if thing.content is None else (202,)
        colour = f"c{self.check.version()}"
        headers = [("X-Object-Meta-Colour", colour), ("Content-Type", "text/plain")]
        if self.check.send("POST", wanted, "POST", name, b"", headers) is None:
            self._now(self.small, name, None)
        elif thing.content is not None:
            thing.colour = colour

    def delete(self) -> None:
        name = self._choose(self.small)
        wanted = (404,) if self.small[name].content is None else (204,)
        if self.check.send("DELETE", wanted, "DELETE", name) is None:
            self._now(self.small, name, None)
        elif wanted == (204,):
            self.small[name] = Thing(since=self.host.clock.monotonic())

    def copy(self) -> None:
        source, target = self._choose(self.small), self._choose(self.small)
        thing = self.small[source]
        if thing.content is None or source == target:
            return
        headers = [("X-Copy-From", quote(source))]
        reply = self.check.send("COPY", (201,), "PUT", target, b"", headers)
        now = self.host.clock.monotonic()
        copied = Thing(thing.content, thing.etag, thing.colour, now)
        self._now(self.small, target, None if reply is None else copied)

    def unchanged(self) -> None:
        name = self._choose(self.small)
        thing = self.small[name]
        if thing.content is not None:
            headers = [("If-None-Match", f'"{thing.etag}"')]
            self.check.send("GET 304", (304,), "GET", name, b"", headers)

    # Listings

    def list_container(self) -> None:
        container = self.check.chance.choice(CONTAINERS)
        listed = self._listed(container)
        if listed is None:
            return
        went_wrong = self.check.journal.went_wrong
        mine = dict(self._in(container))
        known = {*mine, *(name.rpartition("/")[2] for name in self.lost)}
        if strangers := [name for name in listed if name not in known]:
            went_wrong("LIST names nobody wrote", f"{strangers[:3]}")
        if listed != sorted(listed):
            went_wrong("LIST is not in order", f"{listed[:5]}")
        old, there = self.host.clock.monotonic() - _OLD_S, set(listed)
        for name, thing in mine.items():
            if thing.since < old and (name in there) != (thing.content is not None):
                self.check.journal.late_rows += 1

    def list_account(self) -> None:
        query = "format=json&limit=1000"
        reply = self.check.send("LIST account", (200,), "GET", "", query=query)
        if reply is not None:
            there = {row["name"] for row in json.loads(reply.body)}
            if lacking := set(CONTAINERS) - there:
                self.check.journal.went_wrong("LIST account lacks containers", f"{lacking}")

    def _listed(self, container: str) -> list[str] | None:
        """Names of this client in a container; None when it could not be told."""
        query = f"format=json&limit=1000&prefix={self.prefix}"
        reply = self.check.send("LIST", (200,), "GET", f"/{container}", query=query)
        return None if reply is None else [row["name"] for row in json.loads(reply.body)]

    def _in(self, container: str) -> Iterator[tuple[str, Thing]]:
        head = f"/{container}/"
        for name, thing in self.small.items():
            if name.startswith(head):
                yield name[len(head) :], thing

    # Large objects

    def put_large(self) -> None:
        name = self._choose(self.large)
        content = self.check.content(name, self.check.chance.randrange(2 * _MIB, 24 * _MIB))
        self._now(self.large, name, self.check.put("PUT large", name, content))

    def get_large(self) -> None:
        name = self._choose(self.large)
        self.check.get("GET large", name, self.large[name])

    def get_large_range(self) -> None:
        name = self._choose(self.large)
        self.check.get_range("GET large range", name, self.large[name], _MIB)

    def segmented(self) -> None:
        """A static large object from its segments to its removal."""
        check, chance = self.check, self.check.chance
        names = [f"/{SEGMENTS}/{self.prefix}{n}" for n in range(chance.randrange(2, 5))]
        contents = [check.content(name, chance.randrange(100, 3 * _MIB)) for name in names]
        parts = list(zip(names, contents, strict=True))
        for name, content in parts:
            if check.put("PUT segment", name, content) is None:
                return
        manifest, whole = f"/{LARGE}/{self.prefix}slo", Thing(Joined(contents))
        body = json.dumps([{"path": name, "size_bytes": one.size} for name, one in parts]).encode()
        query = "multipart-manifest=put"
        if check.send("PUT SLO", (201,), "PUT", manifest, body, query=query):
            check.get("GET SLO", manifest, whole)
            check.get_range("GET SLO range", manifest, whole, 2 * _MIB)
        query, accept = "multipart-manifest=delete", [("Accept", "application/json")]
        reply = check.send("DELETE SLO", (200,), "DELETE", manifest, b"", accept, query)
        if reply is not None and json.loads(reply.body)["Errors"]:
            check.journal.went_wrong("DELETE SLO reports errors", f"{reply.body[:300]!r}")
        check.get("GET", manifest, Thing())

    # Things that come and go

    def expire(self) -> None:
        """One more object that ends by itself; one of the earlier ones, whose time is over."""
        now, check = self.host.clock.monotonic(), self.check
        name = f"/{EXPIRING}/{self.prefix}{check.version()}"
        content, headers = check.content(name, 2000), [("X-Delete-After", str(_EXPIRES_S))]
        if check.send("PUT", (201,), "PUT", name, content, headers):
            self.expiring.append((now + _EXPIRES_S + 5, name))
        if self.expiring and self.expiring[0][0] < now:
            _, name = self.expiring.pop(0)
            check.get("GET", name, Thing())

    def short_lived(self) -> None:
        """A container from its making to its removal."""
        check = self.check
        container = f"/mix-short-{check.client}-{check.version() % 4}"
        name = f"{container}/only"
        if not check.send("PUT container", (201, 202), "PUT", container):
            return
        if thing := check.put("PUT", name, check.content(name, 500)):
            check.get("GET", name, thing)
            check.send("DELETE", (204,), "DELETE", name)
        for _ in range(60):  # a row may come a little later: not empty until then
            reply = check.send("DELETE container", (204, 409), "DELETE", container)
            if reply is None or reply.status == 204:
                break
            self.host.tasks.sleep(0.25)
        else:
            check.journal.went_wrong("a container never became empty", container)
        check.send("HEAD container", (404,), "HEAD", container)

    # Afterwards

    def differences(self) -> list[str]:
        """Listings that are not what was acknowledged; bodies are looked at on the way."""
        for name, thing in [*self.small.items(), *self.large.items()]:
            self.check.get("last look", name, thing)
        return [container for container in CONTAINERS if not self.lists_all(container)]

    def lists_all(self, container: str) -> bool:
        lost = {name.rpartition("/")[2] for name in self.lost}
        there = sorted(name for name, thing in self._in(container) if thing.content is not None)
        return [name for name in self._listed(container) or [] if name not in lost] == there

    def _choose(self, things: dict[str, Thing]) -> str:
        return self.check.chance.choice(list(things))

    def _now(self, things: dict[str, Thing], name: str, thing: Thing | None) -> None:
        """None: nobody knows what it holds, so it is not asked for again."""
        if thing is None:
            del things[name]
            self.lost.add(name)
        else:
            things[name] = thing
