"""What a container may name in X-Container-Sync-To."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from swiftlite.formats.sync_realms import SyncRealms


def check_sync_target(value: str, allowed_hosts: Collection[str], realms: SyncRealms) -> str | None:
    """None for a target that may be used (an empty one ends syncing), else what is wrong with it.

    Either `//realm/cluster/account/container`, or a URL at one of the allowed hosts.
    """
    target = value.rstrip("/")
    if not target:
        return None
    if target.startswith("//"):
        return _check_realm(target[2:].split("/"), realms)
    try:
        url = urlsplit(target)
        host = url.hostname
    except ValueError:
        return f"X-Container-Sync-To is not a URL: {value!r}"
    if url.scheme not in ("http", "https"):
        return f'X-Container-Sync-To must begin with "//", "http:" or "https:": {value!r}'
    if not url.path:
        return "X-Container-Sync-To needs a path."
    if url.query or url.fragment or ";" in url.path:
        return "X-Container-Sync-To may have no parameters, query or fragment."
    if host not in allowed_hosts:
        return f"X-Container-Sync-To may not name the host {host!r}."
    return None


def _check_realm(pieces: list[str], realms: SyncRealms) -> str | None:
    if len(pieces) != 4 or not all(pieces):
        return "X-Container-Sync-To must be //realm/cluster/account/container."
    name, cluster, _, _ = pieces
    realm = realms.get(name)
    if realm is None or not realm.key:
        return f"There is no key for the realm {name!r}."
    if cluster.upper() not in realm.clusters:
        return f"The realm {name!r} has no endpoint for the cluster {cluster!r}."
    return None
