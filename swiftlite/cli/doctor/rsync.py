"""The check of the rsync daemon, to which other nodes' object replicators push."""

from __future__ import annotations

from collections.abc import Iterator

from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.node import Node
from swiftlite.cli.doctor.rsync_module import PORT, ModuleFault, ask_module
from swiftlite.peers.rsync import module_of

_PATIENCE_S = 2.0
_CONF = "/etc/rsyncd.conf"
_SAMPLE = "/usr/share/swiftlite/rsyncd.conf-sample"
_WHY = "Other nodes cannot bring this one the objects that it lacks."


def rsync_daemon(node: Node) -> Iterator[Finding]:
    for ip, module in sorted(_wanted(node)):
        try:
            ask_module(ip, module, _PATIENCE_S)
        except ModuleFault as fault:
            what = f"the rsync daemon does not serve {module}: {fault}"
            mend = f"{_conf_anew(ip)} && systemctl restart {rsync_unit(node)}"
            yield Finding("rsync-without-module", f"{ip}:{PORT}", what, _WHY, mend)
        except OSError as error:
            what = f"no rsync daemon answers there ({error})"
            yield Finding("rsync-not-running", f"{ip}:{PORT}", what, _WHY, _starting(node, ip))


def _wanted(node: Node) -> set[tuple[str, str]]:
    """Addresses with the modules that others expect there, unless objects travel by ssync."""
    found = set()
    for held in node.held:
        options = held.server.section("object-replicator")
        if held.server.kind != "object" or options.get("sync_method", "rsync") != "rsync":
            continue
        template = options.get("rsync_module", "{replication_ip}::object")
        try:
            _, _, module = module_of(template, held.device).partition("::")
        except (KeyError, ValueError):
            continue
        if module:
            found.add((held.device.replication_ip, module))
    return found


def _starting(node: Node, ip: str) -> str:
    unit = rsync_unit(node)
    if not node.disk.exists(str(node.machine.root / _CONF.lstrip("/"))):
        return f"{_conf_anew(ip)} && systemctl enable --now {unit}"
    if node.machine.listener(PORT) is not None:  # at another address
        return f"sed -i 's/^address *=.*/address = {ip}/' {_CONF} && systemctl restart {unit}"
    return f"systemctl enable --now {unit}"


def _conf_anew(ip: str) -> str:
    return f"sed 's/^address = .*/address = {ip}/' {_SAMPLE} >{_CONF}"


def rsync_unit(node: Node) -> str:
    """Its name here: Debian's, or that of others."""
    names = ("rsync", "rsyncd")
    return next((name for name in names if node.machine.has_unit(f"{name}.service")), names[0])


CHECKS = (rsync_daemon,)
