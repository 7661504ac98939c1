"""Signatures that the owner of an account gives away: how they are written, and how compared.

A signature is the HMAC of a text with a key of the account or the container, in hex, or as
`sha256:<base64>`. The length of hex tells the digest.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from swiftlite.infocache import get_account_info, get_container_info
from swiftlite.web.wsgi import Environ, WsgiApp

DIGESTS = ("sha1", "sha256", "sha512")
DEPRECATED_DIGESTS = ("sha1",)
_BY_HEX_LENGTH = {40: "sha1", 64: "sha256", 128: "sha512"}
_BYTES = {"sha1": 20, "sha256": 32, "sha512": 64}
_is_hex = re.compile(r"[0-9a-fA-F]+").fullmatch
ACCOUNT, CONTAINER = "account", "container"


@dataclass(frozen=True, slots=True)
class Signature:
    digest: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """A secret in the metadata of an account or of a container; scope says which."""

    secret: bytes
    scope: str


def parse_signature(text: str, allowed: Collection[str]) -> Signature | None:
    """None for what is no signature, or one of a digest that is not allowed."""
    name, colon, encoded = text.partition(":")
    if colon:
        value = _base64(encoded)
        if value is None or len(value) != _BYTES.get(name):
            return None
    else:
        if not _is_hex(text) or len(text) not in _BY_HEX_LENGTH:
            return None
        name, value = _BY_HEX_LENGTH[len(text)], bytes.fromhex(text)
    return Signature(name, value) if name in allowed else None


def _base64(text: str) -> bytes | None:
    """Either alphabet, with or without padding."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def sign(digest: str, key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, digest)


def matching_key(signature: Signature, texts: Iterable[bytes], keys: Iterable[Key]) -> Key | None:
    """The key with which one of the texts was signed. Every pair is tried, so that the time it
    takes says nothing (CVE-2014-0006)."""
    texts = tuple(texts)
    found = None
    for key in keys:
        for text in texts:
            if hmac.compare_digest(sign(signature.digest, key.secret, text), signature.value):
                found = key
    return found


def keys_of(environ: Environ, app: WsgiApp, source: str) -> list[Key]:
    """The keys of the account and of the container in the path."""
    account = get_account_info(environ, app, source=source)
    container = get_container_info(environ, app, source=source)
    return [
        Key(secret.encode("utf-8", "surrogateescape"), scope)
        for scope, meta in ((ACCOUNT, account.meta), (CONTAINER, container.meta))
        for name in ("temp-url-key", "temp-url-key-2")
        if (secret := meta.get(name))
    ]


def digest_option(text: str) -> list[str]:
    """The value of an `allowed_digests` option: names apart by blanks or commas."""
    names = text.replace(",", " ").lower().split()
    unknown = [name for name in names if name not in DIGESTS]
    if unknown or not names:
        raise ValueError(f"must be some of {', '.join(DIGESTS)}")
    return names
