"""What a link points at: in a client's headers, in the link's sysmeta, in a container's row.

A soft link names an object. A static one also says which ETag it must have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5

from swiftlite.config.units import is_true
from swiftlite.vocab.names import check_utf8, quote_path, text_to_wsgi, unquote_path, wsgi_to_text
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request

TARGET, ACCOUNT, ETAG = "X-Symlink-Target", "X-Symlink-Target-Account", "X-Symlink-Target-Etag"
BYTES = "X-Symlink-Target-Bytes"
SYS_TARGET = "X-Object-Sysmeta-Symlink-Target"
SYS_ACCOUNT = "X-Object-Sysmeta-Symlink-Target-Account"
SYS_ETAG = "X-Object-Sysmeta-Symlink-Target-Etag"
SYS_BYTES = "X-Object-Sysmeta-Symlink-Target-Bytes"
SYS_EXTEND = "X-Object-Sysmeta-Symloop-Extend"
OVERRIDE = "X-Object-Sysmeta-Container-Update-Override-Etag"
CONTENT_TYPE = "application/symlink"
NO_BYTES_ETAG = md5(b"", usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Target:
    """Text. account is None for the link's own; etag for a soft link. extends: the hop is not
    counted, because a filter of ours made the link."""

    container: str
    obj: str
    account: str | None = None
    etag: str | None = None
    size: str | None = None
    extends: bool = False

    @property
    def path(self) -> str:
        return f"{self.container}/{self.obj}"

    def sysmeta(self) -> dict[str, str]:
        """Headers that keep it with the link's object, WSGI strings."""
        kept = {SYS_TARGET: quote_path(self.path)}
        if self.account is not None:
            kept[SYS_ACCOUNT] = quote_path(self.account)
        if self.etag is not None:
            kept[SYS_ETAG] = text_to_wsgi(self.etag)
        if self.size is not None:
            kept[SYS_BYTES] = self.size
        return kept

    def row_etag(self, known: str | None) -> str:
        """The ETag of the container's row, the target in its parameters.

        known: what another filter wants to be there already.
        """
        value = known or NO_BYTES_ETAG
        for name, text in (
            ("symlink_target", self.path),
            ("symlink_target_account", self.account),
            ("symlink_target_etag", self.etag),
            ("symlink_target_bytes", self.size),
        ):
            if text is not None:
                value += f"; {name}={quote_path(text)}"
        return value


def read_request(request: Request) -> Target | None:
    """What a client asks for; None when it asks for no link. Raises Refusal."""
    header = request.get_header(TARGET)
    if header is None:
        for name in (ACCOUNT, ETAG):
            if request.get_header(name) is not None:
                raise Refusal(400, f"{name} needs an {TARGET} header beside it.")
        return None
    path = unquote_path(wsgi_to_text(header))
    container, slash, obj = path.partition("/")
    if not (container and slash and obj) or not check_utf8(path, internal=True):
        raise Refusal(412, f"{TARGET} must be of the form <container name>/<object name>.")
    account = request.get_header(ACCOUNT)
    if account is not None:
        account = unquote_path(wsgi_to_text(account))
        if not account or "/" in account or not check_utf8(account, internal=True):
            raise Refusal(412, f"{ACCOUNT} is not the name of an account.")
    etag = request.text_header(ETAG)
    return Target(container, obj, account, etag.strip('"') or None if etag else None)


def read_sysmeta(get_header: Callable[[str], str | None]) -> Target | None:
    """What a stored link points at; None for an object that is no link."""
    stored = get_header(SYS_TARGET)
    if not stored:
        return None
    container, slash, obj = unquote_path(wsgi_to_text(stored)).partition("/")
    if not (container and slash and obj):
        return None
    account = get_header(SYS_ACCOUNT)
    etag = get_header(SYS_ETAG)
    return Target(
        container,
        obj,
        unquote_path(wsgi_to_text(account)) if account else None,
        wsgi_to_text(etag) if etag else None,
        get_header(SYS_BYTES) or None,
        is_true(get_header(SYS_EXTEND)),
    )
