"""The filter: one path for each check, answered before the server behind it sees the request.

A check runs on a thread of its own, because a disk that hangs must not take the server along.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from swiftlite import __version__
from swiftlite.cluster import drives
from swiftlite.host.bundle import Host
from swiftlite.host.disk import Disk
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.recon import machine
from swiftlite.middleware.recon.caches import CACHED, from_cache
from swiftlite.middleware.recon.options import ReconOptions
from swiftlite.middleware.recon.sums import FileSums
from swiftlite.observe.log import Log
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

PREFIX = "/recon/"
_THREADS = "recon"
Check = Callable[[], object]


class Recon:
    """WSGI filter. ring_names: without `.ring.gz`; swift_dir: where they and swift.conf are."""

    def __init__(
        self,
        app: WsgiApp,
        options: ReconOptions,
        *,
        host: Host,
        log: Log,
        swift_dir: str,
        ring_names: Sequence[str],
    ) -> None:
        self.app = app
        self._host = host
        self._log = log
        self._checks = _checks(options, host, swift_dir, ring_names)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            return self.app(environ, start_response)
        return self._answer(path)(environ, start_response)

    def _answer(self, path: str) -> Response:
        check = self._checks.get(path.removeprefix(PREFIX))
        if check is None:
            return Response(404, {"Content-Type": "text/plain"}, f"Invalid path: {path}")
        try:
            found = self._host.tasks.offload(_THREADS, check)
        except (OSError, ValueError, KeyError, StopIteration) as error:
            self._log.error(f"{path}: {error!r}")
            return Response(500, {"Content-Type": "text/plain"}, "Internal server error.")
        return Response(200, {"Content-Type": "application/json"}, json.dumps(found))


def _checks(
    options: ReconOptions, host: Host, swift_dir: str, ring_names: Sequence[str]
) -> dict[str, Check]:
    """By the path behind /recon/."""
    disk, devices = host.disk, options.devices.rstrip("/") or "/"
    sums = FileSums(disk)
    cached = {
        name: partial(from_cache, disk, options.recon_cache_path, check)
        for name, check in CACHED.items()
    }
    return {
        **cached,
        "devices": partial(drives.devices, disk, devices),
        "diskusage": partial(drives.disk_usage, disk, devices),
        "load": partial(machine.load, disk),
        "mem": partial(machine.memory, disk),
        "mounted": partial(machine.mounted, disk),
        "quarantined": partial(drives.quarantined, disk, devices),
        "ringmd5": partial(
            _sums_of_present, disk, sums, [f"{swift_dir}/{name}.ring.gz" for name in ring_names]
        ),
        "sockstat": partial(machine.sockets, disk),
        "swiftconfmd5": partial(_sums_of, sums, [f"{swift_dir}/swift.conf"]),
        "time": host.clock.wall,
        "unmounted": partial(drives.unmounted, disk, devices),
        "version": lambda: {"version": __version__},
    }


def _sums_of(sums: FileSums, paths: Sequence[str]) -> dict[str, str | None]:
    return {path: sums.md5(path) for path in paths}


def _sums_of_present(disk: Disk, sums: FileSums, paths: Sequence[str]) -> dict[str, str | None]:
    return _sums_of(sums, [path for path in paths if disk.exists(path)])


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf("filter:recon", global_conf, local_conf)
    rings = dict.fromkeys(policy.ring_name for policy in conf.cluster.policies)
    return partial(
        Recon,
        options=conf.options(ReconOptions),
        host=conf.host,
        log=conf.log(),
        swift_dir=conf.swift_dir,
        ring_names=("account", "container", *rings),
    )
