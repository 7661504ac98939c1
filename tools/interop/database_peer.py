"""Account and container servers and daemons of OpenStack Swift, under the Python that has it.

    serve KIND FOLDER PORT       answer on 127.0.0.1:PORT until killed; says "ready"
    replicate KIND FOLDER PORT [option=value …]    one pass of the replicator; prints its stats
    run KIND FOLDER PORT [option=value …]    the replicator, pass after pass, until killed
    rows KIND FOLDER FILE        rows and facts of a database, as Swift's own broker gives them
    policies FOLDER              reads pairs of replicas (JSON), says which takes the other's policy

FOLDER holds the devices, the rings and swift.conf.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any


class _Quiet:
    """A log that keeps what went wrong, and passes over the rest."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def _keep(self, message: str, *arguments: object, **_: object) -> None:
        self.faults.append(str(message) % arguments if arguments else str(message))

    error = warning = critical = _keep

    def exception(self, message: str, *arguments: object, **_: object) -> None:
        self._keep(message, *arguments)
        self.faults.append(traceback.format_exc())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # any call, any answer
        return lambda *_, **__: None


def _prepare(folder: str) -> None:
    """Have swift.conf read from the folder, before anything reads it from /etc."""
    from swift.common import utils

    assert utils.set_swift_dir(folder)
    from swift.common import storage_policy

    storage_policy.reload_storage_policies()


def _conf(folder: str, port: str) -> dict[str, str]:
    return {
        "devices": folder,
        "mount_check": "false",
        "fallocate_reserve": "0",
        "swift_dir": folder,
        "bind_ip": "127.0.0.1",
        "bind_port": port,
        "recon_cache_path": folder,
        "disable_fallocate": "true",
        "node_timeout": "30",
        "conn_timeout": "5",
        "databases_per_second": "1000",
    }


def serve(kind: str, folder: str, port: str) -> None:
    import eventlet
    from eventlet import wsgi

    eventlet.monkey_patch()
    _prepare(folder)
    if kind == "account":
        from swift.account.server import AccountController as Server
    else:
        from swift.container.server import ContainerController as Server
    app = Server(_conf(folder, port), logger=_Quiet())
    listener = eventlet.listen(("127.0.0.1", int(port)))
    print("ready", flush=True)
    wsgi.server(listener, app, log=_Quiet(), log_output=False)


def replicate(kind: str, folder: str, port: str, *options: str) -> None:
    daemon, log = _replicator(kind, folder, port, *options)
    daemon.run_once()
    print(json.dumps({"stats": daemon.stats, "faults": log.faults}))


def run(kind: str, folder: str, port: str, *options: str) -> None:
    daemon, _ = _replicator(kind, folder, port, *options)
    daemon.run_forever()


def _replicator(kind: str, folder: str, port: str, *options: str) -> tuple[Any, _Quiet]:
    import eventlet

    eventlet.monkey_patch()
    _prepare(folder)
    if kind == "account":
        from swift.account.replicator import AccountReplicator as Replicator
    else:
        from swift.container.replicator import ContainerReplicator as Replicator
    conf = {**_conf(folder, port), **dict(option.split("=", 1) for option in options)}
    log = _Quiet()
    return Replicator(conf, logger=log), log


def rows(kind: str, folder: str, path: str) -> None:
    _prepare(folder)
    from swift.account.backend import AccountBroker
    from swift.container.backend import ContainerBroker

    broker = (AccountBroker if kind == "account" else ContainerBroker)(path, logger=_Quiet())
    found = broker.get_items_since(-1, 1_000_000)
    for row in found:
        row.pop("ROWID")
    info = broker.get_replication_info()
    print(json.dumps({"rows": sorted(found, key=str), "info": info, "syncs": broker.get_syncs()}))


def policies(folder: str) -> None:
    _prepare(folder)
    from swift.container.reconciler import incorrect_policy_index

    print(json.dumps([incorrect_policy_index(*pair) for pair in json.load(sys.stdin)]))


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    verbs: dict[str, Callable[..., None]] = {
        "serve": serve,
        "replicate": replicate,
        "run": run,
        "rows": rows,
        "policies": policies,
    }
    verbs[verb](*arguments)
