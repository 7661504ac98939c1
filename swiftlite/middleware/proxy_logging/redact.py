"""What of a secret a log may show: the first characters of signatures and tokens, to tell them
apart, and nothing of keys and passwords (CVE-2017-8761, CVE-2017-16613).
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

HIDDEN = "..."
SIGNATURE_PARAMS = frozenset(
    (
        "temp_url_sig",
        "signature",
        "swiftinfo_sig",
        "x-amz-signature",
        "x-amz-security-token",
    )
)
TOKEN_HEADERS = frozenset(
    (
        "authorization",
        "x-amz-security-token",
        "x-auth-token",
        "x-container-sync-auth",
        "x-service-token",
        "x-storage-token",
        "x-subject-token",
    )
)
KEY_HEADERS = frozenset(
    (
        "cookie",
        "set-cookie",
        "x-auth-key",
        "x-container-sync-key",
        "x-storage-pass",
    )
)
_TEMPURL_KEY = re.compile(r"x-(account|container)-meta-temp-url-key(-2)?").fullmatch

# Every name in SIGNATURE_PARAMS has one of these in it, unless it is percent-encoded.
_may_hold_signature = re.compile(r"sig|token|%", re.IGNORECASE).search


def shortened(secret: str, shown: int) -> str:
    """The first `shown` characters; none at all of a secret that is no longer than that."""
    return secret[:shown] + HIDDEN if len(secret) > shown else HIDDEN


def redact_query(query: str, shown: int) -> str:
    """A query string with its signatures shortened, however their names are spelled."""
    if not _may_hold_signature(query):
        return query
    return "&".join(_redact_param(item, shown) for item in query.split("&"))


def _redact_param(item: str, shown: int) -> str:
    name, equals, value = item.partition("=")
    if equals and unquote_plus(name, errors="replace").strip().lower() in SIGNATURE_PARAMS:
        return f"{name}={shortened(value, shown)}"
    return item


def redact_url(url: str, shown: int) -> str:
    """A URL, such as a Referer, with the signatures in its query shortened."""
    head, mark, query = url.partition("?")
    return f"{head}?{redact_query(query, shown)}" if mark else url


def redact_header(name: str, value: str, shown: int) -> str:
    """The value of a header as a log may show it."""
    lower = name.lower()
    if lower in TOKEN_HEADERS:
        return shortened(value, shown)
    if lower in KEY_HEADERS or _TEMPURL_KEY(lower):
        return HIDDEN
    if lower == "referer":
        return redact_url(value, shown)
    return value
