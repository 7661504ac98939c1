"""Names of accounts, containers and objects: paths, quoting, and the two kinds of text.

Inside the house a name is proper text (bytes that were not UTF-8 are lone surrogates). WSGI hands
over latin-1 strings that hold UTF-8 bytes. The four functions at the end cross that border.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

RESERVED = "\x00"  # begins reserved names, and joins their parts
HIDDEN_ACCOUNT_PREFIX = "."
_is_plain = re.compile(r"[A-Za-z0-9_.~/-]*").fullmatch  # what quoting leaves alone


def split_path(
    path: str, minimum: int = 1, maximum: int | None = None, rest: bool = False
) -> list[str | None]:
    """Cut `/a/c/o` in exactly maximum pieces, missing ones None. Raises ValueError.

    With rest the last piece keeps its slashes, a trailing one included; without it one trailing
    slash is allowed and dropped. Only the last piece that is there may be empty, and only beyond
    minimum (`/a/` as account and container); callers treat it as absent.
    """
    maximum = minimum if maximum is None else maximum
    assert 0 < minimum <= maximum
    pieces = path.split("/", maximum if rest else maximum + 1)
    too_long = len(pieces) - 1 > maximum and pieces[-1] != ""
    found: list[str | None] = [*pieces[1 : maximum + 1]]
    holes = "" in found[:minimum] or "" in found[:-1]
    if pieces[0] != "" or len(found) < minimum or holes or too_long:
        raise ValueError(f"Invalid path: {quote_path(path)}")
    found.extend([None] * (maximum - len(found)))
    return found


def is_reserved(name: str) -> bool:
    """Names made by the cluster for itself; only internal clients may use them."""
    return name.startswith(RESERVED)


def is_hidden_account(account: str, prefix: str = HIDDEN_ACCOUNT_PREFIX) -> bool:
    """Accounts of background services (`.shards_a`, `.expiring_objects`), created on demand."""
    return account.startswith(prefix)


def check_utf8(text: str, internal: bool = False) -> bool:
    """True for a usable name: not empty, valid Unicode, and no NUL unless internal."""
    if not text or (not internal and RESERVED in text):
        return False
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def quote_path(text: str, safe: str = "/") -> str:
    """Percent-encode the text's UTF-8, leaving slashes; equal to urllib's quote for any text.

    Plain names are returned as they are, which is most of them.
    """
    if safe == "/" and _is_plain(text):
        return text
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe)


def unquote_path(quoted: str) -> str:
    """Undo quote_path. Bytes that are not UTF-8 become surrogates, which check_utf8 refuses."""
    if "%" not in quoted and quoted.isascii():
        return quoted
    plain = unquote_to_bytes(quoted.encode("utf-8", "surrogateescape"))
    return plain.decode("utf-8", "surrogateescape")


def wsgi_to_text(wsgi: str) -> str:
    """A WSGI string (latin-1 characters that hold UTF-8 bytes) as text."""
    if wsgi.isascii():
        return wsgi
    return wsgi.encode("latin-1").decode("utf-8", "surrogateescape")


def text_to_wsgi(text: str) -> str:
    """Text as a WSGI string; undoes wsgi_to_text for any bytes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def wsgi_quote(wsgi: str, safe: str = "/") -> str:
    """Percent-encode a WSGI string; the same as quote_path of its text."""
    if safe == "/" and _is_plain(wsgi):
        return wsgi
    return quote_from_bytes(wsgi.encode("latin-1"), safe)


def wsgi_unquote(quoted: str) -> str:
    """Undo wsgi_quote: percent escapes become latin-1 characters."""
    if "%" not in quoted:
        return quoted
    return unquote_to_bytes(quoted.encode("latin-1")).decode("latin-1")
