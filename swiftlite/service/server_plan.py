"""A server as its conf has it: what kind it is, how it runs, what it may not do."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import DEFAULT, Conf, options, read_conf
from swiftlite.httpd.limits import HttpLimits
from swiftlite.observe.options import LogOptions
from swiftlite.protocols.http1.heads import HeadLimits
from swiftlite.service.child import CannotStart
from swiftlite.service.options import LocalOptions, PortOptions, ServerOptions
from swiftlite.vocab.limits import Limits


@dataclass(frozen=True, slots=True)
class ServerKind:
    """name: `object-server`; port, unless the conf names one; handles_objects: whether it reads
    and writes objects, and so has to know how each policy keeps them."""

    name: str
    port: int
    handles_objects: bool = False

    @property
    def title(self) -> str:
        return f"swiftlite-{self.name}"


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """One server as its conf has it, ready to run."""

    kind: ServerKind
    conf: Conf
    options: ServerOptions
    log: LogOptions
    ports: PortOptions
    local: LocalOptions

    @property
    def local_user(self) -> int | None:
        """For whom it listens at a local socket; None: it does not.

        Raises CannotStart when its user is unknown.
        """
        if self.kind.name == "proxy-server" or not self.local.local_sockets:
            return None
        if not self.options.user:
            return os.geteuid()
        try:
            return pwd.getpwnam(self.options.user).pw_uid
        except KeyError as error:
            raise CannotStart(sentence(self, error)) from error

    @property
    def per_port(self) -> bool:
        """Whether the rings say where it listens."""
        return self.kind.name == "object-server" and self.ports.servers_per_port > 0

    @property
    def address(self) -> tuple[str, int]:
        port = self.options.bind_port
        return self.options.bind_ip, self.kind.port if port is None else port


def plan(kind: ServerKind, path: str, overrides: Mapping[str, str] | None = None) -> ServerPlan:
    """Read and check a server's conf; overrides replace options of its [DEFAULT].

    Raises ConfError with a sentence for the operator.
    """
    conf = read_conf(path)
    if overrides:
        conf = _overridden(conf, overrides)
    where = f"{path} [{DEFAULT}]"
    return ServerPlan(
        kind,
        conf,
        options(ServerOptions, conf.defaults, where=where),
        options(LogOptions, conf.defaults, where=where),
        options(PortOptions, conf.defaults, where=where),
        options(LocalOptions, conf.defaults, where=where),
    )


def _overridden(conf: Conf, overrides: Mapping[str, str]) -> Conf:
    sections = {
        name: {key: overrides.get(key, value) for key, value in section.items()}
        for name, section in conf.sections.items()
    }
    return Conf(conf.path, {**conf.defaults, **overrides}, sections)


def refuse_what_cannot_be_kept(kind: ServerKind, cluster: ClusterConf) -> None:
    """Objects of an erasure-coded policy must not be stored as if they were replicated."""
    if not kind.handles_objects:
        return
    for policy in cluster.policies:
        if policy.erasure is not None:
            raise CannotStart(
                f"{cluster.swift_dir}/swift.conf: the policy {policy.name} (index "
                f"{policy.index}) is erasure-coded, which this version cannot serve."
            )


def sentence(server: ServerPlan, error: Exception) -> str:
    """An error that names the conf it came from."""
    text = str(error) or repr(error)
    return text if server.conf.path in text else f"{server.conf.path}: {text}"


def http_limits(server: ServerPlan, limits: Limits) -> HttpLimits:
    """What a client may do to this server's connections.

    A storage server takes more headers than a proxy does: what a proxy took at the limit goes on
    to it with headers of the proxy's own.
    """
    chosen = server.options
    keepalive = chosen.keepalive_timeout
    count = limits.max_header_count
    if server.kind.name != "proxy-server":
        count += 64
    return HttpLimits(
        max_clients=chosen.max_clients,
        client_timeout=chosen.client_timeout,
        keepalive_timeout=chosen.client_timeout if keepalive is None else keepalive,
        head_timeout=chosen.client_timeout,
        head=HeadLimits(
            header_line_bytes=limits.max_header_size,
            request_line_bytes=limits.max_request_line,
            header_count=count,
        ),
    )
