"""Hosts of clients' own: a host that is not below our domain is looked up, and where its CNAME
leads to one that is, it counts as that one.

The one door to dnspython, which must be installed where this filter is used. Answers are kept in
the cache as long as the name servers allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from swiftlite.config.load import ConfError
from swiftlite.config.option import opt
from swiftlite.middleware.domain_remap import domains
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.observe.log import Log
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

NAME_MAX = 253
THREADS = "dns"  # look-ups block, so they are made in native threads

Lookup = Callable[[str], tuple[float, str | None]]
"""Of a host: seconds for which the answer holds, and the name that its CNAME has."""


@dataclass(frozen=True, slots=True)
class CnameLookupOptions:
    SECTION = "filter:cname_lookup"
    storage_domain: list[str] = opt(
        [".example.com"],
        "Domains that a CNAME must lead to, comma-separated.",
        parse=domains,
        shown="example.com",
    )
    lookup_depth: int = opt(1, "CNAMEs followed one after the other.", minimum=1)
    nameservers: list[str] = opt(
        [], "Addresses of name servers, with a port where it is not 53; none: the host's own."
    )


class CnameLookup:
    """WSGI filter; hosts below our domains, and addresses, pass at once."""

    def __init__(
        self, app: WsgiApp, options: CnameLookupOptions, lookup: Lookup, *, log: Log
    ) -> None:
        self.app = app
        self.options = options
        self.lookup = lookup
        self.log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host, colon, port = _host_of(environ)
        if not host or self._is_ours(host) or _is_address(host):
            return self.app(environ, start_response)
        found = self._followed(environ, host.lower().rstrip("."))
        if found is None:
            refusal = Refusal(400, "CNAME lookup failed to resolve to a valid domain")
            return refusal.response()(environ, start_response)
        environ["HTTP_HOST"] = f"{found}{colon}{port}"
        environ["SERVER_NAME"] = found
        return self.app(environ, start_response)

    def _is_ours(self, host: str) -> bool:
        lowered = host.lower()
        return any(
            lowered.endswith(domain) or lowered == domain[1:]
            for domain in self.options.storage_domain
        )

    def _followed(self, environ: Environ, host: str) -> str | None:
        """The name of ours that a host leads to; None when it leads to none in time."""
        if len(host) > NAME_MAX or not host.isascii():
            return None
        for _ in range(self.options.lookup_depth):
            found = self._ask(environ, host)
            if not found or found == host:
                return None
            if self._is_ours(found):
                return found
            host = found
        return None

    def _ask(self, environ: Environ, host: str) -> str | None:
        cache = environ.get("swift.cache")
        key = f"cname-{host}"
        known = cache.get(key) if cache is not None else None
        if isinstance(known, str):
            return known or None
        seconds, found = self.lookup(host)
        found = found.rstrip(".").lower() if found else None
        if cache is not None and seconds > 0:
            cache.set(key, found or "", time=seconds)
        return found


def _host_of(environ: Environ) -> tuple[str, str, str]:
    """Host, colon, port of the request; IPv6 addresses keep their brackets."""
    told = str(environ.get("HTTP_HOST") or environ.get("SERVER_NAME") or "")
    if told.startswith("["):
        host, bracket, rest = told.partition("]")
        return host + bracket, rest[:1], rest[1:]
    return told.partition(":")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _dns_lookup(nameservers: list[str]) -> Lookup:
    """A look-up by dnspython. Raises ConfError where that is not installed."""
    try:
        import dns.exception
        import dns.resolver
    except ImportError:
        raise ConfError("The filter cname_lookup needs the Python package dnspython.") from None
    resolver = dns.resolver.Resolver(configure=not nameservers)
    if nameservers:
        resolver.nameservers = [server.partition(":")[0] for server in nameservers]
        resolver.nameserver_ports = {
            server.partition(":")[0]: int(server.partition(":")[2])
            for server in nameservers
            if server.partition(":")[2].isdigit()
        }

    def lookup(host: str) -> tuple[float, str | None]:
        try:
            answer = resolver.resolve(host, "CNAME")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return 60.0, None
        except dns.exception.DNSException:
            return 0.0, None
        seconds = float(answer.rrset.ttl) if answer.rrset else 0.0
        return next(((seconds, str(record.target)) for record in answer), (60.0, None))

    return lookup


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(CnameLookupOptions.SECTION, global_conf, local_conf)
    options = conf.options(CnameLookupOptions)
    tasks, log = conf.host.tasks, conf.log()
    asked = _dns_lookup(options.nameservers)
    register("cname_lookup", lookup_depth=options.lookup_depth)

    def lookup(host: str) -> tuple[float, str | None]:
        return tasks.offload(THREADS, asked, host)

    return lambda app: CnameLookup(app, options, lookup, log=log)
