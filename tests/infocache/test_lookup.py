"""Look-ups through a pipeline whose end remembers, as the proxy does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from swiftlite.infocache import (
    clear_info,
    get_account_info,
    get_container_info,
    get_object_info,
)
from swiftlite.infocache.cache import container_key, generation_of, remember
from swiftlite.infocache.info import container_from_headers
from swiftlite.memcache import Front, Generations, MemoryCache
from swiftlite.web import Response
from tests.memcache.fakes import TurnedClock
from tests.web.environs import make_environ


class Proxy:
    """The end of a pipeline: HEADs of one container, its ACL to be changed by the test."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 204
        self.read_acl = ".r:*"
        self.recheck = 60.0
        self.remembers = True

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401
        path = environ["PATH_INFO"]
        assert environ["REQUEST_METHOD"] == "HEAD"
        assert environ["swift_owner"] is True
        assert "HTTP_ORIGIN" not in environ
        self.asked.append(path)
        headers = [("X-Container-Read", self.read_acl), ("X-Account-Container-Count", "2")]
        pieces = path.split("/")
        if self.remembers and len(pieces) == 4:
            key = container_key(pieces[2], pieces[3])
            generation = generation_of(environ, key)
            info = container_from_headers(self.status, headers)
            remember(environ, key, info, self.recheck, generation)
        return Response(self.status, headers)(environ, start_response)


class Shared(MemoryCache):
    """Stands in for memcached: what one sets the other gets, but each has its own front."""

    shared = True

    def __init__(self, clock: TurnedClock, store: MemoryCache) -> None:
        super().__init__(clock)
        self.store = store
        self.coherent = True

    def get(self, key: str, raise_on_error: bool = False) -> Any:  # noqa: ANN401
        return self.store.get(key)

    def set(self, key: str, value: object, *rest: Any, **named: Any) -> None:  # noqa: ANN401
        self.store.set(key, value, *rest, **named)

    def delete(self, key: str, server_key: str | None = None) -> None:
        self.store.delete(key)


def request(cache: object = None, path: str = "/v1/a/c/o") -> dict[str, Any]:
    environ = make_environ("GET", path, Origin="http://x")
    if cache is not None:
        environ["swift.cache"] = cache
    return environ


def test_one_request_asks_once() -> None:
    proxy = Proxy()
    environ = request()
    assert get_container_info(environ, proxy).read_acl == ".r:*"
    assert get_container_info(environ, proxy).read_acl == ".r:*"
    assert proxy.asked == ["/v1/a/c"]
    assert get_account_info(environ, proxy).container_count == 2
    assert proxy.asked == ["/v1/a/c", "/v1/a"]


def test_names_may_be_given_and_are_text() -> None:
    proxy = Proxy()
    get_container_info(request(), proxy, account="ä", container="ö/x")
    assert proxy.asked == ["/v1/\xc3\xa4/\xc3\xb6/x"]


def test_without_a_name_nothing_is_there() -> None:
    proxy = Proxy()
    assert get_container_info(request(path="/v1/a"), proxy).status == 404
    assert get_account_info(request(path="/info"), proxy).status == 404
    assert get_object_info(request(path="/v1/a/c"), proxy).status == 404
    assert proxy.asked == []


def test_an_object_is_asked_once_per_request() -> None:
    proxy = Proxy()
    environ = request()
    get_object_info(environ, proxy)
    get_object_info(environ, proxy, path="/v1/a/c/o")
    get_object_info(environ, proxy, path="/v1/a/c/p")
    assert proxy.asked == ["/v1/a/c/o", "/v1/a/c/p"]


def coherent_cache(clock: TurnedClock) -> MemoryCache:
    return MemoryCache(clock, generations=Generations())


def test_the_next_request_finds_it_in_the_cache() -> None:
    clock = TurnedClock()
    cache, proxy = coherent_cache(clock), Proxy()
    for _ in range(3):
        assert get_container_info(request(cache), proxy).ok
    assert len(proxy.asked) == 1
    clock.now += 61
    get_container_info(request(cache), proxy)
    assert len(proxy.asked) == 2


def test_a_change_is_seen_by_the_next_request() -> None:
    cache, proxy = coherent_cache(TurnedClock()), Proxy()
    get_container_info(request(cache), proxy)
    proxy.read_acl = ".r:-all"
    environ = request(cache)
    clear_info(environ, "a", "c")
    assert get_container_info(environ, proxy).read_acl == ".r:-all"
    assert get_container_info(request(cache), proxy).read_acl == ".r:-all"


def test_a_change_is_seen_by_other_workers_of_the_host() -> None:
    clock, table, proxy = TurnedClock(), bytearray(8192 * 8), Proxy()
    one, other = (MemoryCache(clock, generations=Generations(table, start=n)) for n in (1, 99))
    get_container_info(request(other), proxy)
    proxy.read_acl = "new"
    clear_info(request(one), "a", "c")
    assert get_container_info(request(other), proxy).read_acl == "new"


def test_an_answer_overtaken_by_a_change_serves_its_own_request_only() -> None:
    cache = coherent_cache(TurnedClock())
    environ = request(cache)
    generation = generation_of(environ, "container/a/c")
    clear_info(request(cache), "a", "c")
    remember(environ, "container/a/c", container_from_headers(204, []), 60.0, generation)
    assert get_container_info(environ, Proxy()).ok
    proxy = Proxy()
    get_container_info(request(cache), proxy)
    assert proxy.asked == ["/v1/a/c"]


def test_what_is_missing_is_kept_a_tenth_as_long() -> None:
    clock, proxy = TurnedClock(), Proxy()
    cache = coherent_cache(clock)
    proxy.status = 404
    get_container_info(request(cache), proxy)
    clock.now += 5.9
    assert get_container_info(request(cache), proxy).status == 404
    assert len(proxy.asked) == 1
    clock.now += 0.2
    get_container_info(request(cache), proxy)
    assert len(proxy.asked) == 2


def test_server_errors_are_not_kept() -> None:
    cache, proxy = coherent_cache(TurnedClock()), Proxy()
    proxy.status = 503
    assert get_container_info(request(cache), proxy).status == 503
    proxy.status = 204
    assert get_container_info(request(cache), proxy).ok


@pytest.mark.parametrize(
    ("status", "seconds", "asked"), [(204, 0.9, 1), (204, 1.1, 2), (404, 0, 2)]
)
def test_a_cache_of_one_process_alone_is_believed_for_a_moment(
    status: int, seconds: float, asked: int
) -> None:
    clock, proxy = TurnedClock(), Proxy()
    proxy.status = status
    cache = MemoryCache(clock)
    get_container_info(request(cache), proxy)
    clock.now += seconds
    get_container_info(request(cache), proxy)
    assert len(proxy.asked) == asked


def test_a_shared_cache_serves_other_hosts_too() -> None:
    clock, proxy = TurnedClock(), Proxy()
    store = MemoryCache(clock)
    here, there = Shared(clock, store), Shared(clock, store)
    get_container_info(request(here), proxy)
    assert store.get("container/a/c")["read_acl"] == ".r:*"
    assert get_container_info(request(there), proxy).read_acl == ".r:*"
    assert len(proxy.asked) == 1
    proxy.read_acl = "new"
    clear_info(request(here), "a", "c")
    assert get_container_info(request(here), proxy).read_acl == "new"
    clock.now += 1.1  # the moment for which a copy in front of the shared cache may be older
    assert get_container_info(request(there), proxy).read_acl == "new"


def test_a_missing_container_made_elsewhere_is_found_at_once() -> None:
    clock, proxy = TurnedClock(), Proxy()
    store = MemoryCache(clock)
    here, there = Shared(clock, store), Shared(clock, store)
    proxy.status = 404
    get_container_info(request(here), proxy)
    proxy.status = 204
    clear_info(request(there), "a", "c")
    assert get_container_info(request(here), proxy).ok


def test_a_cache_that_is_not_ours_is_left_alone() -> None:
    proxy = Proxy()
    environ = request(object())
    assert get_container_info(environ, proxy).ok
    clear_info(environ, "a", "c")


def test_the_answer_itself_serves_when_nobody_remembers() -> None:
    proxy = Proxy()
    proxy.remembers = False
    environ = request(MemoryCache(TurnedClock()))
    assert get_container_info(environ, proxy).read_acl == ".r:*"
    get_container_info(environ, proxy)
    assert len(proxy.asked) == 1


def test_one_look_up_serves_all_who_wait() -> None:
    cache = coherent_cache(TurnedClock())
    assert isinstance(cache.front, Front)
    proxy = Proxy()
    waiting = request(cache)

    class Leader(Proxy):
        def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401
            answer = super().__call__(environ, start_response)
            assert get_container_info(waiting, proxy).ok
            return answer

    leader = Leader()
    get_container_info(request(cache), leader)
    assert (len(leader.asked), len(proxy.asked)) == (1, 0)
