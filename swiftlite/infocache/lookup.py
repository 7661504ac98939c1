"""Infos for whoever needs one: out of the caches, or by a HEAD down the pipeline.

The HEAD is made with every right and in nobody's name; the proxy at the end of the pipeline
remembers what its backends say, for this request and the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from swiftlite.infocache.cache import (
    Environ,
    account_key,
    cache_of,
    container_key,
    find_account,
    find_container,
    object_key,
    request_infos,
)
from swiftlite.infocache.info import (
    AccountInfo,
    ContainerInfo,
    Headers,
    ObjectInfo,
    account_from_headers,
    container_from_headers,
    object_from_headers,
)
from swiftlite.vocab.names import RESERVED, split_path, wsgi_to_text
from swiftlite.web.subrequest import make_preauthed, send
from swiftlite.web.wsgi import WsgiApp

FOLLOWERS_PATIENCE = 5.0  # seconds to wait for another request's look-up of the same thing

AnyInfo = TypeVar("AnyInfo", AccountInfo, ContainerInfo, ObjectInfo)


def get_account_info(
    environ: Environ,
    app: WsgiApp,
    *,
    account: str | None = None,
    source: str = "GET_INFO",
    fresh: bool = False,
) -> AccountInfo:
    """The account of the request, or the one named (text). Never raises for one that is missing.

    app: what comes next in the pipeline. source: the short word for logs (`swift.source`).
    fresh: ask a backend although a cache knows, unless this request itself has asked before.
    """
    version, in_path, _container, _obj = _path_of(environ)
    account = account or in_path
    if account is None:
        return AccountInfo(404)
    found = find_account(environ, account, request_only=fresh)
    if found is not None:
        return found
    name = account
    return _once(
        environ,
        account_key(name),
        lambda: _head(environ, app, f"/{version}/{name}", source, account_from_headers),
        lambda: find_account(environ, name),
        AccountInfo,
    )


def get_container_info(
    environ: Environ,
    app: WsgiApp,
    *,
    account: str | None = None,
    container: str | None = None,
    source: str = "GET_INFO",
    fresh: bool = False,
) -> ContainerInfo:
    """The container of the request, or the one named (text, both names). See get_account_info."""
    if account and container:  # known already; the path is only looked at when nothing is kept
        found = find_container(environ, account, container, request_only=fresh)
        if found is not None:
            return found
    version, in_path, container_in_path, _obj = _path_of(environ)
    account = account or in_path
    container = container or container_in_path
    if account is None or container is None:
        return ContainerInfo(404)
    found = find_container(environ, account, container, request_only=fresh)
    if found is not None:
        return found
    names = account, container
    return _once(
        environ,
        container_key(*names),
        lambda: _head(
            environ, app, f"/{version}/{names[0]}/{names[1]}", source, container_from_headers
        ),
        lambda: find_container(environ, *names),
        ContainerInfo,
    )


def get_object_info(
    environ: Environ, app: WsgiApp, *, path: str | None = None, source: str = "GET_INFO"
) -> ObjectInfo:
    """The object of the request, or of a path `/v1/a/c/o` (text); kept with the request alone."""
    version, account, container, obj = _path_of(environ, path)
    if account is None or container is None or obj is None:
        return ObjectInfo(404)
    key = object_key(account, container, obj)
    infos = request_infos(environ)
    found = infos.get(key)
    if not isinstance(found, ObjectInfo):
        target = f"/{version}/{account}/{container}/{obj}"
        found = infos[key] = _head(environ, app, target, source, object_from_headers)
    return found


def _path_of(environ: Environ, path: str | None = None) -> list[str | None]:
    try:
        text = wsgi_to_text(environ["PATH_INFO"]) if path is None else path
        return split_path(text, 2, 4, rest=True)
    except ValueError:
        return ["v1", None, None, None]


def _head(
    environ: Environ,
    app: WsgiApp,
    path: str,
    source: str,
    read: Callable[[int, Headers], AnyInfo],
) -> AnyInfo:
    headers = {"X-Backend-Allow-Reserved-Names": "true"} if RESERVED in path else None
    request = make_preauthed(environ, "HEAD", path, headers=headers, source=source)
    request.environ.pop("HTTP_ORIGIN", None)  # nobody's browser asks this
    request.environ["swift_owner"] = True  # who else sees access lists and keys
    response = send(app, request)
    response.discard_body()
    return read(response.status_int, response.headerlist)


def _once(
    environ: Environ,
    key: str,
    fetch: Callable[[], AnyInfo],
    remembered: Callable[[], AnyInfo | None],
    kind: type[AnyInfo],
) -> AnyInfo:
    """What a HEAD gave, one HEAD at a time for each key and process."""
    cache = cache_of(environ)
    infos = request_infos(environ)

    def ask() -> AnyInfo:
        said = fetch()
        return remembered() or said  # the backend tells more than the client sees

    if cache is None:
        found = ask()
    else:
        got = cache.front.once(key, ask, FOLLOWERS_PATIENCE)
        found = got if isinstance(got, kind) else ask()
    infos[key] = found
    return found
