"""Accounts and containers as host names: `container.account.example.org/object` means
`/v1/account/container/object`.

Host names know no case and no underscore: `auth-x` stands for `AUTH_x`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from swiftlite.config.option import opt
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.vocab.names import wsgi_quote
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp


def domains(text: str) -> list[str]:
    return [
        domain if domain.startswith(".") else "." + domain
        for part in text.split(",")
        if (domain := part.strip().lower())
    ]


@dataclass(frozen=True, slots=True)
class DomainRemapOptions:
    SECTION = "filter:domain_remap"
    storage_domain: list[str] = opt(
        [".example.com"],
        "Domains below which accounts and containers are host names, comma-separated.",
        parse=domains,
        shown="example.com",
    )
    path_root: str = opt("v1", "What paths begin with.", parse=lambda text: text.strip("/"))
    reseller_prefixes: list[str] = opt(
        ["AUTH"], "Prefixes of accounts, in their right spelling; none: accounts as they come."
    )
    default_reseller_prefix: str = opt("", "Put before accounts that have none of those.")
    mangle_client_paths: bool = opt(
        False, "Drop path_root from the front of paths that clients send with it."
    )


class DomainRemap:
    """WSGI filter; a foreign host costs one comparison for each domain."""

    def __init__(self, app: WsgiApp, options: DomainRemapOptions) -> None:
        self.app = app
        self.options = options
        self.prefixes = {prefix.lower(): prefix for prefix in options.reseller_prefixes}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host = (environ.get("HTTP_HOST") or environ.get("SERVER_NAME") or "").partition(":")[0]
        lowered = host.lower()
        for domain in self.options.storage_domain:
            if lowered.endswith(domain):
                return self._remapped(environ, start_response, host[: -len(domain)])
        return self.app(environ, start_response)

    def _remapped(
        self, environ: Environ, start_response: StartResponse, names: str
    ) -> Iterable[bytes]:
        match names.split("."):
            case [container, account] if container and account:
                pass
            case [account] if account:
                container = ""
            case _:
                refusal = Refusal(400, "Bad domain in host header")
                return refusal.response()(environ, start_response)
        account_in_case = self._account(account)
        if account_in_case is None:
            return self.app(environ, start_response)
        root = "/" + self.options.path_root
        asked = path = environ["PATH_INFO"]
        if self.options.mangle_client_paths and f"{path}/".startswith(root + "/"):
            path = path[len(root) :]
        parts = [root, account_in_case, *([container] if container else []), path.lstrip("/")]
        mapped = "/".join(parts)
        environ["PATH_INFO"] = mapped
        environ.pop("RAW_PATH_INFO", None)
        return self.app(environ, _mapping_back(asked, mapped, start_response))

    def _account(self, account: str) -> str | None:
        """The account in its right spelling; None for one that is not ours to map."""
        if not self.prefixes:
            return account
        if "_" not in account and "-" in account:
            account = account.replace("-", "_", 1)
        prefix, _, rest = account.partition("_")
        known = self.prefixes.get(prefix.lower())
        if known is not None and rest:
            return f"{known}_{rest}"
        default = self.options.default_reseller_prefix
        return f"{default}_{account}" if default else None


def _mapping_back(asked: str, mapped: str, start_response: StartResponse) -> StartResponse:
    """start_response that turns a Location below the mapped path into one below the host."""
    root = wsgi_quote(mapped[: len(mapped) - len(asked.lstrip("/"))].rstrip("/"))

    def start(status: str, headers: HeaderList, exc_info: object = None) -> Any:  # noqa: ANN401  # PEP 3333
        told = [
            (name, _below_host(value, root)) if name.lower() == "location" else (name, value)
            for name, value in headers
        ]
        return start_response(status, told)

    return start


def _below_host(location: str, root: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return location
    if parts.path != root and not parts.path.startswith(root + "/"):
        return location
    # One slash in front, whatever follows: two would name another host.
    path = "/" + parts.path[len(root) :].lstrip("/")
    return urlunsplit(parts._replace(path=path))


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(DomainRemapOptions.SECTION, global_conf, local_conf)
    options = conf.options(DomainRemapOptions)
    register("domain_remap", default_reseller_prefix=options.default_reseller_prefix)
    return lambda app: DomainRemap(app, options)
