"""What every controller of one proxy process shares: settings, rings, nodes and a pool to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from swiftlite.cluster.conf import ClusterConf
from swiftlite.cluster.local_devices import is_own_address
from swiftlite.cluster.rings import Rings
from swiftlite.host.buffers import Buffers
from swiftlite.host.bundle import Host
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd
from swiftlite.observe.transaction import new_id
from swiftlite.peers.pool import Pool
from swiftlite.proxy.cors import CorsRules
from swiftlite.proxy.lanes import LaneBlocks
from swiftlite.proxy.node_limit import NodeLimiter
from swiftlite.proxy.nodes import Order, Timings
from swiftlite.proxy.obj.borrowing import Borrowing
from swiftlite.proxy.options import PolicyOptions, ProxyOptions
from swiftlite.ring import Device
from swiftlite.vocab.timestamp import RAW_PER_SECOND, Timestamp
from swiftlite.web import Request

_LARGE_UPLOADS = 128  # a megabyte each


class Context:
    """Made once per process; nothing in it belongs to a request."""

    def __init__(
        self,
        host: Host,
        options: ProxyOptions,
        cluster: ClusterConf,
        rings: Rings,
        log: Log,
        *,
        of_policies: Mapping[int, PolicyOptions] | None = None,
        statsd: Statsd | None = None,
    ) -> None:
        """of_policies: what policies have to themselves, by index."""
        self.host = host
        self.options = options
        self.limits = cluster.limits
        self.policies = cluster.policies
        self.policy_indexes = {policy.name.lower(): policy.index for policy in cluster.policies}
        self.hash_path = cluster.hash_path
        self.rings = rings
        self.log = log
        self.statsd = statsd
        self.monotonic: Callable[[], float] = host.clock.monotonic
        recoverable = options.recoverable_node_timeout
        # Patience with a node where another can be asked instead.
        self.read_timeout = options.node_timeout if recoverable is None else recoverable
        self.timings = Timings(host.clock.monotonic, options.timing_expiry)
        own = (of_policies or {}).values()
        # Whether any order looks at timings; measuring costs a microsecond a request.
        self.timed = any(found.sorting_method == "timing" for found in (options, *own))
        self.lanes = LaneBlocks()
        self.limiter = NodeLimiter(
            host.clock.monotonic,
            options.error_suppression_interval,
            options.error_suppression_limit,
        )
        self.pool = Pool(
            host,
            conn_timeout=options.conn_timeout,
            read_timeout=self.read_timeout,
            is_own=is_own_address if options.local_sockets else None,
        )
        self.buffers = Buffers(uploads_max=_LARGE_UPLOADS)
        self.borrowing = Borrowing(host, log, wanted=options.borrow_files)
        self.cors = CorsRules(
            options.strict_cors_mode, options.cors_allow_origin, options.cors_expose_headers
        )
        self.owner_headers = frozenset(name.lower() for name in options.swift_owner_headers)
        self.order = self._order(options)  # of accounts and containers
        self._of_policies = {
            policy.index: (of_policies or {}).get(policy.index, options)
            for policy in cluster.policies
        }
        self._orders = {index: self._order(own) for index, own in self._of_policies.items()}
        self._agent = ""
        self._last_raw = 0

    def policy_options(self, index: int) -> PolicyOptions:
        return self._of_policies[index]

    def policy_order(self, index: int) -> Order:
        return self._orders[index]

    @property
    def agent(self) -> str:
        """The User-Agent that servers see; made by the first request, in the worker it is of."""
        if not self._agent:
            self._agent = f"proxy-server {self.host.process.pid}"
        return self._agent

    def doubts(self, percent: float) -> bool:
        """Whether this look-up is one of the share that ask although the cache knows."""
        return percent > 0 and self.host.entropy.random() * 100 < percent

    def now(self) -> Timestamp:
        """The time of a change, later than that of any other made here: changes that follow each
        other must not be undone by a clock that was set back a little."""
        raw = round(self.host.clock.wall() * RAW_PER_SECOND)
        if self._last_raw - RAW_PER_SECOND < raw <= self._last_raw:
            raw = self._last_raw + 1
        self._last_raw = raw
        return Timestamp(raw)

    def trans_id(self, request: Request) -> str:
        """The request's, made here when the pipeline has no filter that makes one."""
        environ = request.environ
        found = environ.get("swift.trans_id")
        if found is None:
            found = environ["swift.trans_id"] = new_id(self.host.entropy, self.host.clock)
        return str(found)

    def log_of(self, request: Request) -> Log:
        return self.log.bind(self.trans_id(request))

    def _order(self, own: PolicyOptions) -> Order:
        return Order(
            own,
            self.options.request_node_count,
            may_ask=self.limiter.may_ask,
            chance=self.host.entropy,
            timings=self.timings,
            tell_handoff=self._tell_handoff if self.options.log_handoffs else None,
        )

    def _tell_handoff(self, device: Device, used: int) -> None:
        self.log.warning(f"handoff number {used} in use: {device.ip}:{device.port}/{device.device}")
        if self.statsd is not None:
            self.statsd.increment("handoff_count")
