"""A client of a Swift API for tools: logging in, small requests, whole listings.

Blocking and over http.client, so that https works as anywhere; tools run it on threads.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.names import quote_path
from swiftlite.vocab.status import is_success

_TIMEOUT_S = 60.0


class ClientError(SwiftliteError):
    """The cluster, or what logs in to it, did not do what was asked."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Login:
    """Who somebody is. version: 1 or 3; names of domains and project count for 3 only."""

    url: str
    user: str
    key: str
    version: str = "1.0"
    project: str = ""
    user_domain: str = "Default"
    project_domain: str = "Default"
    endpoint_type: str = "publicURL"
    region: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


def log_in(login: Login) -> tuple[str, str]:
    """The storage URL and a token. Raises ClientError."""
    if login.version.startswith("3"):
        return _log_in_to_keystone(login)
    headers = {"X-Auth-User": login.user, "X-Auth-Key": login.key}
    reply = _send(login.url, "GET", headers, b"", insecure=login.insecure)
    url, token = reply.headers.get("x-storage-url"), reply.headers.get("x-auth-token")
    if not is_success(reply.status) or not url or not token:
        raise ClientError(f"{login.url} answers {reply.status} to {login.user}", reply.status)
    return url, token


def _log_in_to_keystone(login: Login) -> tuple[str, str]:
    project, colon, user = login.user.partition(":")
    if not colon:
        project, user = login.project, login.user
    scope = {"name": login.project or project, "domain": {"name": login.project_domain}}
    who = {"name": user, "domain": {"name": login.user_domain}, "password": login.key}
    identity = {"methods": ["password"], "password": {"user": who}}
    body = json.dumps({"auth": {"identity": identity, "scope": {"project": scope}}}).encode()
    url = login.url.rstrip("/") + "/auth/tokens"
    headers = {"Content-Type": "application/json"}
    reply = _send(url, "POST", headers, body, insecure=login.insecure)
    token = reply.headers.get("x-subject-token")
    if not is_success(reply.status) or not token:
        raise ClientError(f"{url} answers {reply.status} to {login.user}", reply.status)
    return _endpoint(json.loads(reply.body), login), token


def _endpoint(answer: Mapping[str, Any], login: Login) -> str:
    interface = login.endpoint_type.removesuffix("URL")
    for service in answer["token"].get("catalog", ()):
        for endpoint in service["endpoints"] if service["type"] == "object-store" else ():
            if endpoint["interface"] == interface and login.region in ("", endpoint["region"]):
                return str(endpoint["url"])
    raise ClientError(f"{login.url} names no {interface} endpoint of an object store")


@dataclass(slots=True)
class SwiftClient:
    """One account. Threads may share it: each has a connection of its own.

    pause: sleeps so many seconds before a request is tried again.
    """

    url: str
    token: str
    retries: int
    pause: Callable[[float], None]
    insecure: bool = False
    retried: int = 0
    _local: threading.local = field(default_factory=threading.local)

    @property
    def account(self) -> str:
        return self.url.rstrip("/").rpartition("/")[2]

    def request(
        self,
        method: str,
        *names: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        query: str = "",
    ) -> Reply:
        """names: container and object, as text. Raises ClientError for anything but 2xx."""
        target = "/".join((self.url.rstrip("/"), *(quote_path(name) for name in names)))
        sent = {"X-Auth-Token": self.token, **(headers or {})}
        for attempt in range(self.retries + 1):
            if attempt:
                self.retried += 1
                self.pause(min(2.0**attempt / 10, 5.0))
            try:
                reply = _send(
                    target + query, method, sent, body, insecure=self.insecure, local=self._local
                )
            except ClientError as error:
                fault = error
                continue
            if is_success(reply.status):
                return reply
            fault = ClientError(f"{method} {target}: {reply.status}", reply.status)
            if reply.status < 500 and reply.status not in (408, 429):
                break
        raise fault

    def listing(self, *names: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        """Every entry, page by page."""
        marker = ""
        while True:
            query = f"?format=json&marker={quote_path(marker, '')}&prefix={quote_path(prefix, '')}"
            page = json.loads(self.request("GET", *names, query=query).body or b"[]")
            if not page:
                return
            yield from page
            marker = page[-1]["name"]


def _send(
    url: str,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    insecure: bool,
    local: threading.local | None = None,
) -> Reply:
    """Raises ClientError when there is no answer. local: where a connection is kept."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ClientError(f"{url} is not an address of http or https")
    kept = getattr(local, "connection", None)
    try:
        connection = kept or _connection(parts.scheme, parts.hostname, parts.port, insecure)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target or "/", body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException, ValueError) as error:
        if local is not None:
            local.connection = None
        raise ClientError(f"{method} {url}: {error or type(error).__name__}") from error
    if local is not None:
        local.connection = connection
    else:
        connection.close()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, found, content)


def _connection(
    scheme: str, host: str, port: int | None, insecure: bool
) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
