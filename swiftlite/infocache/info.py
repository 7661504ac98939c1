"""What the cluster knows of an account, a container or an object, as immutable values.

Made from the headers of a backend's answer, and from and to the JSON that OpenStack Swift's
proxies keep in memcached under the same keys. All text; metadata names are lower case and without
their prefix. A thing that is not there has an info too, with the status that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from swiftlite.vocab.names import text_to_wsgi, wsgi_to_text
from swiftlite.vocab.status import is_success

Headers = Iterable[tuple[str, str]]
_TRUE = frozenset(("true", "1", "yes", "on", "t", "y"))


@dataclass(frozen=True, slots=True)
class PolicyUsage:
    """What an account holds under one storage policy."""

    container_count: int = 0
    object_count: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """account_really_exists is False for one that will be made when something is put in it."""

    status: int
    container_count: int = 0
    total_object_count: int = 0
    bytes: int = 0
    meta: Mapping[str, str] = field(default_factory=dict)
    sysmeta: Mapping[str, str] = field(default_factory=dict)
    storage_policies: Mapping[int, PolicyUsage] = field(default_factory=dict)  # by policy index
    account_really_exists: bool = True

    @property
    def ok(self) -> bool:
        return is_success(self.status)

    @property
    def exists(self) -> bool:
        """Whether there are databases of it, and not just leave to make them."""
        return self.account_really_exists and is_success(self.status)


@dataclass(frozen=True, slots=True)
class Cors:
    allow_origin: str | None = None
    expose_headers: str | None = None
    max_age: str | None = None


NO_CORS = Cors()


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    status: int
    read_acl: str | None = None
    write_acl: str | None = None
    sync_to: str | None = None
    sync_key: str | None = None
    object_count: int = 0
    bytes: int = 0
    versions: str | None = None  # X-Versions-Location
    storage_policy: int = 0
    cors: Cors = NO_CORS
    meta: Mapping[str, str] = field(default_factory=dict)
    sysmeta: Mapping[str, str] = field(default_factory=dict)
    sharding_state: str = "unsharded"
    created_at: str | None = None
    put_timestamp: str | None = None
    delete_timestamp: str | None = None
    status_changed_at: str | None = None

    @property
    def ok(self) -> bool:
        return is_success(self.status)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    status: int
    length: int = 0
    type: str | None = None
    etag: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)
    sysmeta: Mapping[str, str] = field(default_factory=dict)
    transient_sysmeta: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return is_success(self.status)


def account_from_headers(
    status: int, headers: Headers, policies: Mapping[str, int] | None = None
) -> AccountInfo:
    """headers: a backend's or a proxy's answer, WSGI strings. policies: lower-case name to index;
    what is said of others is left out."""
    plain, meta, sysmeta = _sorted_out("account", headers)
    return AccountInfo(
        status=status,
        container_count=_count(plain.get("x-account-container-count")),
        total_object_count=_count(plain.get("x-account-object-count")),
        bytes=_count(plain.get("x-account-bytes-used")),
        meta=meta,
        sysmeta=sysmeta,
        storage_policies=_usage_by_policy(plain, policies or {}),
        account_really_exists=not _true(plain.get("x-backend-fake-account-listing")),
    )


def container_from_headers(status: int, headers: Headers) -> ContainerInfo:
    """headers: a backend's answer, WSGI strings."""
    plain, meta, sysmeta = _sorted_out("container", headers)
    return ContainerInfo(
        status=status,
        read_acl=plain.get("x-container-read"),
        write_acl=plain.get("x-container-write"),
        sync_to=plain.get("x-container-sync-to"),
        sync_key=plain.get("x-container-sync-key"),
        object_count=_count(plain.get("x-container-object-count")),
        bytes=_count(plain.get("x-container-bytes-used")),
        versions=plain.get("x-versions-location"),
        storage_policy=_count(plain.get("x-backend-storage-policy-index")),
        cors=_cors_of(meta),
        meta=meta,
        sysmeta=sysmeta,
        sharding_state=plain.get("x-backend-sharding-state") or "unsharded",
        created_at=plain.get("x-backend-timestamp"),
        put_timestamp=plain.get("x-backend-put-timestamp"),
        delete_timestamp=plain.get("x-backend-delete-timestamp"),
        status_changed_at=plain.get("x-backend-status-changed-at"),
    )


def object_from_headers(status: int, headers: Headers) -> ObjectInfo:
    """headers: a proxy's answer to a HEAD, WSGI strings."""
    kept = list(headers)
    plain, meta, sysmeta = _sorted_out("object", kept)
    prefix = "x-object-transient-sysmeta-"
    transient = {
        name[len(prefix) :]: value for name, value in plain.items() if name.startswith(prefix)
    }
    return ObjectInfo(
        status=status,
        length=_count(plain.get("content-length")),
        type=plain.get("content-type"),
        etag=(plain.get("etag") or "").strip('"') or None,
        meta=meta,
        sysmeta=sysmeta,
        transient_sysmeta=transient,
    )


def account_to_shared(info: AccountInfo) -> dict[str, Any]:
    """The value that Swift keeps under `account/<a>`."""
    return {
        "status": info.status,
        "container_count": str(info.container_count),
        "total_object_count": str(info.total_object_count),
        "bytes": str(info.bytes),
        "storage_policies": {
            str(index): {
                "container_count": usage.container_count,
                "object_count": usage.object_count,
                "bytes": usage.bytes,
            }
            for index, usage in info.storage_policies.items()
        },
        "meta": _to_wsgi(info.meta),
        "sysmeta": _to_wsgi(info.sysmeta),
        "account_really_exists": info.account_really_exists,
    }


def account_from_shared(value: object) -> AccountInfo | None:
    """None for anything that is not such a value: caches hold what others wrote."""
    if not isinstance(value, dict) or not _is_status(value.get("status")):
        return None
    return AccountInfo(
        status=value["status"],
        container_count=_count(value.get("container_count")),
        total_object_count=_count(value.get("total_object_count")),
        bytes=_count(value.get("bytes")),
        meta=_from_wsgi(value.get("meta")),
        sysmeta=_from_wsgi(value.get("sysmeta")),
        storage_policies=_usage_from_shared(value.get("storage_policies")),
        account_really_exists=bool(value.get("account_really_exists", True)),
    )


def container_to_shared(info: ContainerInfo) -> dict[str, Any]:
    """The value that Swift keeps under `container/<a>/<c>`."""
    return {
        "status": info.status,
        "read_acl": _wsgi_or_none(info.read_acl),
        "write_acl": _wsgi_or_none(info.write_acl),
        "sync_to": _wsgi_or_none(info.sync_to),
        "sync_key": _wsgi_or_none(info.sync_key),
        "object_count": str(info.object_count),
        "bytes": str(info.bytes),
        "versions": _wsgi_or_none(info.versions),
        "storage_policy": str(info.storage_policy),
        "cors": {
            "allow_origin": _wsgi_or_none(info.cors.allow_origin),
            "expose_headers": _wsgi_or_none(info.cors.expose_headers),
            "max_age": _wsgi_or_none(info.cors.max_age),
        },
        "meta": _to_wsgi(info.meta),
        "sysmeta": _to_wsgi(info.sysmeta),
        "sharding_state": info.sharding_state,
        "created_at": info.created_at,
        "put_timestamp": info.put_timestamp,
        "delete_timestamp": info.delete_timestamp,
        "status_changed_at": info.status_changed_at,
    }


def container_from_shared(value: object) -> ContainerInfo | None:
    """None for anything that is not such a value."""
    if not isinstance(value, dict) or not _is_status(value.get("status")):
        return None
    cors = value.get("cors")
    cors = cors if isinstance(cors, dict) else {}
    texts = {
        name: _text_or_none(value.get(name))
        for name in (
            "read_acl",
            "write_acl",
            "sync_to",
            "sync_key",
            "versions",
            "created_at",
            "put_timestamp",
            "delete_timestamp",
            "status_changed_at",
        )
    }
    return ContainerInfo(
        status=value["status"],
        object_count=_count(value.get("object_count")),
        bytes=_count(value.get("bytes")),
        storage_policy=_count(value.get("storage_policy")),
        cors=Cors(
            _text_or_none(cors.get("allow_origin")),
            _text_or_none(cors.get("expose_headers")),
            _text_or_none(cors.get("max_age")),
        ),
        meta=_from_wsgi(value.get("meta")),
        sysmeta=_from_wsgi(value.get("sysmeta")),
        sharding_state=_text_or_none(value.get("sharding_state")) or "unsharded",
        **texts,
    )


def _sorted_out(
    server_type: str, headers: Headers
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Other headers, user metadata, system metadata; names lower case, all of it text."""
    plain: dict[str, str] = {}
    meta: dict[str, str] = {}
    sysmeta: dict[str, str] = {}
    meta_prefix, sysmeta_prefix = f"x-{server_type}-meta-", f"x-{server_type}-sysmeta-"
    for header, value in headers:
        name = wsgi_to_text(header).lower()
        text = wsgi_to_text(value)
        if name.startswith(meta_prefix):
            meta[name[len(meta_prefix) :]] = text
        elif name.startswith(sysmeta_prefix):
            sysmeta[name[len(sysmeta_prefix) :]] = text
        else:
            plain[name] = text
    return plain, meta, sysmeta


def _cors_of(meta: Mapping[str, str]) -> Cors:
    if not any(name.startswith("access-control-") for name in meta):
        return NO_CORS
    return Cors(
        meta.get("access-control-allow-origin"),
        meta.get("access-control-expose-headers"),
        meta.get("access-control-max-age"),
    )


def _usage_by_policy(
    plain: Mapping[str, str], policies: Mapping[str, int]
) -> dict[int, PolicyUsage]:
    """`x-account-storage-policy-<name>-object-count` and its two brothers, by policy index."""
    found = {}
    for name, index in policies.items():
        prefix = f"x-account-storage-policy-{name}-"
        if prefix + "container-count" in plain or prefix + "object-count" in plain:
            found[index] = PolicyUsage(
                _count(plain.get(prefix + "container-count")),
                _count(plain.get(prefix + "object-count")),
                _count(plain.get(prefix + "bytes-used")),
            )
    return found


def _usage_from_shared(value: object) -> dict[int, PolicyUsage]:
    if not isinstance(value, dict):
        return {}
    return {
        _count(index): PolicyUsage(
            _count(usage.get("container_count")),
            _count(usage.get("object_count")),
            _count(usage.get("bytes")),
        )
        for index, usage in value.items()
        if isinstance(usage, dict)
    }


def _count(value: object) -> int:
    """A count out of a header or a cache; 0 for what is none."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return 0


def _true(value: str | None) -> bool:
    return value is not None and value.strip().lower() in _TRUE


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 600


def _to_wsgi(texts: Mapping[str, str]) -> dict[str, str]:
    return {text_to_wsgi(name): text_to_wsgi(value) for name, value in texts.items()}


def _from_wsgi(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {_decoded(name): _decoded(text) for name, text in value.items() if isinstance(text, str)}


def _decoded(text: str) -> str:
    """A WSGI string as text; a string that cannot be one is text already."""
    try:
        return wsgi_to_text(text)
    except UnicodeEncodeError:
        return text


def _wsgi_or_none(text: str | None) -> str | None:
    return None if text is None else text_to_wsgi(text)


def _text_or_none(value: object) -> str | None:
    return _decoded(value) if isinstance(value, str) else None
