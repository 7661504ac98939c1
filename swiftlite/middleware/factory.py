"""What every filter factory needs: its options read, the host, a log, metrics.

A factory is called by paste.deploy once per process, with the keys of [DEFAULT] and those of its
own section. Nothing beyond a factory sees these texts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import TypeVar

from swiftlite.cluster.conf import SWIFT_DIR, ClusterConf
from swiftlite.cluster.conf import load as load_cluster
from swiftlite.config.load import options as read_options
from swiftlite.config.load import unknown_keys
from swiftlite.host.bundle import Host, installed
from swiftlite.observe.log import Log
from swiftlite.observe.options import LogOptions, StatsdOptions, open_log
from swiftlite.observe.statsd import Statsd
from swiftlite.web.wsgi import WsgiApp

Table = TypeVar("Table")
Filter = Callable[[WsgiApp], WsgiApp]

DAEMON = "proxy-server"
"""The name in front of log lines and metrics when the conf gives none: filters run in the proxy."""

# Keys that filters share with the daemon around them, or that only paste.deploy reads.
_EVERYWHERE = frozenset(
    (
        "log_name",
        "log_facility",
        "log_level",
        "log_address",
        "log_headers",
        "swift_dir",
        "paste.filter_factory",
    )
)


class FilterConf:
    """The texts of one filter's section, and what they are turned into."""

    def __init__(
        self, section: str, global_conf: Mapping[str, str], local_conf: Mapping[str, str]
    ) -> None:
        self.values: dict[str, str] = {**global_conf, **local_conf}
        self.own = dict(local_conf)
        self.where = f"{global_conf.get('__file__', 'configuration')} [{section}]"

    def options(
        self, table: type[Table], *, dynamic: Callable[[str], bool] = lambda _key: False
    ) -> Table:
        """The section as a table of options. Raises config.load.ConfError.

        A key that no option has is told to the log; dynamic says which keys are names that the
        operator makes up.
        """
        for key, near in unknown_keys(table, self.own, known=_EVERYWHERE):
            if not dynamic(key):
                hint = f"; {near} is an option" if near else ""
                self.log().warning(f"{self.where}: no option is called {key}{hint}")
        return read_options(table, self.values, where=self.where)

    @property
    def host(self) -> Host:
        return installed()

    @property
    def swift_dir(self) -> str:
        return self.values.get("swift_dir", SWIFT_DIR)

    @property
    def cluster(self) -> ClusterConf:
        """swift.conf, read once per process."""
        return _cluster(self.swift_dir)

    def log(self, prefix: str = "") -> Log:
        """The daemon's log, one per destination and process.

        With prefix, keys that begin with it come before those without: `access_` makes
        access_log_facility override log_facility.
        """
        options = read_options(LogOptions, self._layered(prefix), where=self.where)
        return _log(options, self.host)

    def statsd(self, name: str = "", prefix: str = "") -> Statsd:
        """Metrics under `<daemon>.<name>`."""
        options = read_options(StatsdOptions, self._layered(prefix), where=self.where)
        daemon = self.values.get("log_name") or DAEMON
        return Statsd(
            options, f"{daemon}.{name}" if name else daemon, random=self.host.entropy.random
        )

    def _layered(self, prefix: str) -> dict[str, str]:
        if not prefix:
            return self.values
        own = {
            key[len(prefix) :]: value
            for key, value in self.values.items()
            if key.startswith(prefix + "log_") and value
        }
        return {**self.values, **own}


@lru_cache(maxsize=4)
def _cluster(swift_dir: str) -> ClusterConf:
    return load_cluster(swift_dir)


@lru_cache(maxsize=16)
def _log(options: LogOptions, host: Host) -> Log:
    return open_log(options, DAEMON, wall=host.clock.wall)


def words(values: Collection[str]) -> frozenset[str]:
    """A set of words given by an option, in lower case."""
    return frozenset(value.strip().lower() for value in values if value.strip())
