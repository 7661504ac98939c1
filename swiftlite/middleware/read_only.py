"""Accounts that may be read and not written: all of them by option, single ones by their sysmeta
X-Account-Sysmeta-Read-Only (which a reseller's tool sets), or all but those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.config.units import is_true
from swiftlite.infocache import get_account_info
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.vocab.names import unquote_path, wsgi_to_text
from swiftlite.web.refusals import Refusal
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "RO"


@dataclass(frozen=True, slots=True)
class ReadOnlyOptions:
    SECTION = "filter:read_only"
    read_only: bool = opt(False, "Refuse writes to accounts that do not say otherwise.")
    allow_deletes: bool = opt(False, "Let things be deleted from read-only accounts.")


class ReadOnly:
    """WSGI filter; reading costs one look-up."""

    def __init__(self, app: WsgiApp, options: ReadOnlyOptions) -> None:
        self.app = app
        self.read_only = options.read_only
        deletes = () if options.allow_deletes else ("DELETE",)
        self.writes = frozenset(("COPY", "POST", "PUT", *deletes))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in self.writes:
            account = _written_account(environ)
            if account is not None and self._is_read_only(environ, account):
                refusal = Refusal(
                    405,
                    "Writes are disabled for this account.",
                    {"Allow": "GET, HEAD, OPTIONS" + self._also_allowed()},
                )
                return refusal.response()(environ, start_response)
        return self.app(environ, start_response)

    def _also_allowed(self) -> str:
        return "" if "DELETE" in self.writes else ", DELETE"

    def _is_read_only(self, environ: Environ, account: str) -> bool:
        info = get_account_info(environ, self.app, account=account, source=SOURCE)
        told = info.sysmeta.get("read-only", "").strip()
        return is_true(told) if told else self.read_only


def _written_account(environ: Environ) -> str | None:
    """The account that a request changes, text; None for a path of no account."""
    segments = environ["PATH_INFO"].split("/", 3)
    if len(segments) < 3 or segments[0] or not segments[1].startswith("v1") or not segments[2]:
        return None
    if environ["REQUEST_METHOD"] == "COPY" and environ.get("HTTP_DESTINATION_ACCOUNT"):
        return unquote_path(wsgi_to_text(environ["HTTP_DESTINATION_ACCOUNT"]))
    return wsgi_to_text(segments[2])


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    options = FilterConf(ReadOnlyOptions.SECTION, global_conf, local_conf).options(ReadOnlyOptions)
    return lambda app: ReadOnly(app, options)
