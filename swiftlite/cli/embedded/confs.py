"""The conf files of an embedded cluster, as an operator would write them for a real one."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.cli.embedded.daemons import Daemon, daemons_of, log_name
from swiftlite.cli.embedded.layout import HOST, Layout, ServerName

_HEAD = """\
# Written by `swiftlite server`. Once you change this file it is yours: later starts use it as it
# is and do not write it again.
"""

TEST_USERS = {
    "user_admin_admin": "admin .admin .reseller_admin",
    "user_test_tester": "testing .admin",
    "user_test_tester3": "testing3",
    "user_test2_tester2": "testing2 .admin",
    "user_test5_tester5": "testing5 service",
}
"""Users that every Swift developer knows, and whose passwords therefore everybody knows."""

OWNER_USER = "main:owner"

PIPELINE = (
    "catch_errors gatekeeper healthcheck metrics proxy-logging cache listing_formats tempauth copy "
    "slo dlo proxy-logging proxy-server"
)


@dataclass(frozen=True, slots=True)
class Front:
    """What is chosen anew at each start: where the proxy listens, and for whom."""

    bind_ip: str
    port: int
    workers: int
    test_users: bool
    owner_key: str


def swift_conf(suffix: str) -> str:
    return f"""\
{_HEAD}
[swift-hash]
# Part of every path on disk: without this very text the data cannot be found again.
swift_hash_path_suffix = {suffix}

[swift-constraints]

[storage-policy:0]
name = gold
default = yes
policy_type = replication
"""


def storage_conf(layout: Layout, server: ServerName) -> str:
    """The conf of an account, container or object server."""
    kind = server.kind
    return f"""\
{_HEAD}
[DEFAULT]
bind_ip = {HOST}
bind_port = {layout.port(server)}
workers = 0
swift_dir = {layout.etc}
devices = {layout.devices(server.node)}
# The devices are folders of one file system here; on real disks this is true.
mount_check = false
recon_cache_path = {layout.recon(server.node)}
# Of the node's daemons, which share a process.
metrics_port = {layout.metrics_port(server.node)}
log_name = {server.log_name}
log_file = {layout.log(server)}
log_level = INFO

[pipeline:main]
pipeline = healthcheck recon metrics {kind}-server

[filter:healthcheck]
use = egg:swiftlite#healthcheck

[filter:recon]
use = egg:swiftlite#recon

[filter:metrics]
use = egg:swiftlite#metrics

[app:{kind}-server]
use = egg:swiftlite#{kind}
{"".join(_daemon_section(layout, one, server.node) for one in daemons_of(kind))}"""


def _daemon_section(layout: Layout, daemon: Daemon, node: int) -> str:
    name = log_name(daemon, node)
    settings = "".join(f"{key} = {value}\n" for key, value in daemon.settings.items())
    return f"""
[{daemon.name}]
log_name = {name}
log_file = {layout.logs / name}.log
{settings}"""


def expirer_conf(layout: Layout, daemon: Daemon) -> str:
    """The expirer's own conf, with a proxy of its own inside, for it belongs to no storage node."""
    return f"""\
{_HEAD}
[DEFAULT]
swift_dir = {layout.etc}
recon_cache_path = {layout.recon(0)}
metrics_port = {layout.metrics_port(0)}
{_daemon_section(layout, daemon, 0)}
[pipeline:main]
pipeline = catch_errors cache proxy-server

[app:proxy-server]
use = egg:swiftlite#proxy
account_autocreate = true

[filter:catch_errors]
use = egg:swiftlite#catch_errors

[filter:cache]
use = egg:swiftlite#memcache
generations_path = {layout.run / "generations"}
"""


def proxy_conf(layout: Layout, front: Front) -> str:
    server = ServerName("proxy")
    users = {"user_" + OWNER_USER.replace(":", "_"): f"{front.owner_key} .admin .reseller_admin"}
    if front.test_users:
        users.update(TEST_USERS)
    user_lines = "\n".join(f"{name} = {value}" for name, value in users.items())
    return f"""\
{_HEAD}
[DEFAULT]
bind_ip = {front.bind_ip}
bind_port = {front.port}
workers = {front.workers}
swift_dir = {layout.etc}
log_name = {server.log_name}
log_file = {layout.log(server)}
log_level = INFO

[pipeline:main]
pipeline = {PIPELINE}

[app:proxy-server]
use = egg:swiftlite#proxy
account_autocreate = true
allow_account_management = true

[filter:catch_errors]
use = egg:swiftlite#catch_errors

[filter:metrics]
use = egg:swiftlite#metrics
metrics_dir = {layout.run / "metrics"}

[filter:gatekeeper]
use = egg:swiftlite#gatekeeper

[filter:healthcheck]
use = egg:swiftlite#healthcheck

[filter:proxy-logging]
use = egg:swiftlite#proxy_logging

[filter:cache]
use = egg:swiftlite#memcache
# With memcache_servers = host:port, ... all proxies share one cache. Without, each worker keeps
# its own, and this file tells the others what has become outdated.
generations_path = {layout.run / "generations"}

[filter:listing_formats]
use = egg:swiftlite#listing_formats

[filter:tempauth]
use = egg:swiftlite#tempauth
# user_<account>_<user> = <key> [group ...]
{user_lines}

[filter:copy]
use = egg:swiftlite#copy

[filter:slo]
use = egg:swiftlite#slo

[filter:dlo]
use = egg:swiftlite#dlo
"""
