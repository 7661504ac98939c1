"""Where infos are kept: with the request, for a moment in the process, in the shared cache.

How old an info may be. Within a request it does not change. A process forgets what it itself
changes at once, and with shared generations all workers of the host do. The shared cache forgets
at once for every proxy that uses it; a copy in front of it may outlive that by FRONT_SECONDS in
processes of other hosts, and only a good answer is kept there: what is missing is asked for anew,
so that what was just made is found everywhere. A cache that is neither shared nor told of other
workers' changes keeps good answers FRONT_SECONDS and others not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from swiftlite.infocache.info import (
    AccountInfo,
    ContainerInfo,
    ObjectInfo,
    account_from_shared,
    account_to_shared,
    container_from_shared,
    container_to_shared,
)
from swiftlite.memcache import Front

Environ = dict[str, Any]
Info = AccountInfo | ContainerInfo | ObjectInfo
_Found = TypeVar("_Found", AccountInfo, ContainerInfo)

FRONT_SECONDS = 1.0
MISSING_SHARE = 0.1  # of the recheck time, for an answer that says "not there"


class Cache(Protocol):
    """The part of `swift.cache` that infos take; foreign caches may lack all but get and set."""

    shared: bool
    coherent: bool
    front: Front

    def get(self, key: str) -> Any: ...  # noqa: ANN401  # JSON
    def set(self, key: str, value: object, serialize: bool = ..., time: float = ...) -> None: ...
    def delete(self, key: str) -> None: ...


def account_key(account: str) -> str:
    return "account/" + account


def container_key(account: str, container: str) -> str:
    return f"container/{account}/{container}"


def object_key(account: str, container: str, obj: str) -> str:
    return f"object/{account}/{container}/{obj}"


def cache_of(environ: Environ) -> Cache | None:
    """The cache filter's cache, if the pipeline has one of ours."""
    cache = environ.get("swift.cache")
    return cast(Cache, cache) if hasattr(cache, "front") else None


def request_infos(environ: Environ) -> dict[str, Any]:
    """The infos of this request and of every subrequest made from it."""
    infos = environ.get("swift.infocache")
    if infos is None:
        infos = environ["swift.infocache"] = {}
    return cast(dict[str, Any], infos)


def find_account(
    environ: Environ, account: str, *, request_only: bool = False
) -> AccountInfo | None:
    """An info that is kept somewhere (or with this request alone) and may be believed."""
    key = account_key(account)
    return _find(environ, key, AccountInfo, account_from_shared, request_only)


def find_container(
    environ: Environ, account: str, container: str, *, request_only: bool = False
) -> ContainerInfo | None:
    """An info that is kept somewhere (or with this request alone) and may be believed."""
    key = container_key(account, container)
    return _find(environ, key, ContainerInfo, container_from_shared, request_only)


def _find(
    environ: Environ,
    key: str,
    kind: type[_Found],
    from_shared: Callable[[object], _Found | None],
    request_only: bool,
) -> _Found | None:
    infos = request_infos(environ)
    found = infos.get(key)
    if isinstance(found, kind):
        return found
    cache = cache_of(environ)
    if cache is None or request_only:
        return None
    kept = cache.front.get(key)
    if isinstance(kept, kind):
        infos[key] = kept
        return kept
    if not cache.shared:
        return None
    generation = cache.front.generation(key)
    shared = from_shared(cache.get(key))
    if shared is not None:
        _put_in_front(cache, key, shared, FRONT_SECONDS, generation)
        infos[key] = shared
    return shared


def generation_of(environ: Environ, key: str) -> int:
    """To be asked for before a backend is, and given to `remember` with what it said."""
    cache = cache_of(environ)
    return 0 if cache is None else cache.front.generation(key)


def remember(
    environ: Environ, key: str, info: AccountInfo | ContainerInfo, recheck: float, generation: int
) -> None:
    """Keep what a backend said; recheck: seconds for which a good answer is believed.

    An answer that was overtaken by a change made on this host while it was under way is used for
    this request alone. Server errors are never kept.
    """
    request_infos(environ)[key] = info
    cache = cache_of(environ)
    if cache is None or not (info.ok or info.status in (404, 410)):
        return
    seconds = recheck if info.ok else recheck * MISSING_SHARE
    if not cache.shared:
        if not cache.coherent:
            seconds = min(seconds, FRONT_SECONDS) if info.ok else 0.0
        cache.front.put(key, info, seconds, generation)
    elif _put_in_front(cache, key, info, min(seconds, FRONT_SECONDS), generation) and seconds > 0:
        if isinstance(info, AccountInfo):
            cache.set(key, account_to_shared(info), time=seconds)
        else:
            cache.set(key, container_to_shared(info), time=seconds)


def clear_info(environ: Environ, account: str, container: str | None = None) -> None:
    """Forget an account (or one container) everywhere; call it when a change was made, before
    its answer goes out."""
    key = account_key(account) if container is None else container_key(account, container)
    request_infos(environ).pop(key, None)
    cache = cache_of(environ)
    if cache is not None:
        cache.front.drop(key)
        if cache.shared:
            cache.delete(key)


def _put_in_front(
    cache: Cache, key: str, info: AccountInfo | ContainerInfo, seconds: float, generation: int
) -> bool:
    """False when a change overtook the info."""
    return cache.front.put(key, info, seconds if info.ok else 0.0, generation)
