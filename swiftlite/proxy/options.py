"""The options of the proxy server, and those that a storage policy may have to itself."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from swiftlite.config.load import Conf, ConfError, options
from swiftlite.config.option import Bytes, Seconds, opt
from swiftlite.config.units import parse_auto_int
from swiftlite.proxy.affinity import parse_read_affinity, parse_write_affinity

SORTING_METHODS = ("shuffle", "timing", "affinity")
SWIFT_OWNER_HEADERS = (
    "x-container-read",
    "x-container-write",
    "x-container-sync-key",
    "x-container-sync-to",
    "x-account-meta-temp-url-key",
    "x-account-meta-temp-url-key-2",
    "x-container-meta-temp-url-key",
    "x-container-meta-temp-url-key-2",
    "x-account-access-control",
)


def parse_times_replicas(text: str) -> tuple[int, bool]:
    """`4`, or `2 * replicas`, as a number and whether it is multiplied."""
    words = text.lower().split()
    times = len(words) == 3 and words[1:] == ["*", "replicas"]
    if not (times or len(words) == 1) or not (words[0].isascii() and words[0].isdigit()):
        raise ValueError("must be a number, or a number `* replicas`")
    if int(words[0]) < 1:
        raise ValueError("must be at least 1")
    return int(words[0]), times


def _checked_read_affinity(text: str) -> str:
    parse_read_affinity(text)
    return text


def _checked_write_affinity(text: str) -> str:
    parse_write_affinity(text)
    return text


def node_count(setting: tuple[int, bool], replicas: int) -> int:
    """What such a setting comes to for a ring of so many replicas."""
    number, times = setting
    return number * replicas if times else number


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """What may be set for one policy in [proxy-server:policy:<index>], else for all of them."""

    SECTION = "proxy-server:policy:0"

    sorting_method: str = opt(
        "shuffle",
        "Order in which replicas are read: at random, quickest first, or nearest first.",
        choices=SORTING_METHODS,
    )
    read_affinity: str = opt(
        "",
        "For sorting_method = affinity: places and their distance, nearest lowest"
        " (r1z1=100, r1=200, r2=300).",
        parse=_checked_read_affinity,
    )
    write_affinity: str = opt(
        "",
        "Places that are written first (r1, r2z1); replicators move what lies too near"
        " together later.",
        parse=_checked_write_affinity,
    )
    write_affinity_node_count: tuple[int, bool] = opt(
        (2, True),
        "Local nodes tried before others with write_affinity.",
        parse=parse_times_replicas,
        shown="2 * replicas",
    )
    write_affinity_handoff_delete_count: int | None = opt(
        None,
        "Local handoffs that a DELETE tells besides the primaries; auto: as many as there are"
        " primaries elsewhere.",
        parse=parse_auto_int,
        shown="auto",
        minimum=0,
    )
    rebalance_missing_suppression_count: int = opt(
        1, "404s of primaries that are not believed alone, after a rebalance.", minimum=0
    )
    concurrent_gets: bool = opt(
        False, "Ask the next node when one has not answered after concurrency_timeout."
    )
    concurrency_timeout: Seconds | None = opt(
        None, "How long that is; by default conn_timeout.", minimum=0
    )
    concurrent_ec_extra_requests: int = opt(
        0, "Further fragments asked for at once with concurrent_gets.", minimum=0
    )


@dataclass(frozen=True, slots=True)
class ProxyOptions(PolicyOptions):
    SECTION = "app:proxy-server"

    swift_dir: str = opt("/etc/swift", "Where rings and swift.conf are.")
    node_timeout: Seconds = opt(10.0, "Patience with a storage server's answer.", minimum=0.001)
    recoverable_node_timeout: Seconds | None = opt(
        None,
        "The same where another node can be asked instead (GET and HEAD); by default node_timeout.",
        minimum=0.001,
    )
    conn_timeout: Seconds = opt(0.5, "Patience with a new connection to a server.", minimum=0.001)
    post_quorum_timeout: Seconds = opt(
        0.5, "Patience with further answers once a quorum is known.", minimum=0
    )
    client_timeout: Seconds = opt(60.0, "Patience with a client's next bytes.", minimum=0.001)
    client_chunk_size: Bytes = opt(65_536, "Bytes read of a client at once, at most.", minimum=1)
    object_chunk_size: Bytes = opt(65_536, "Bytes read of a node at once, at most.", minimum=1)
    relay_by_splice: bool = opt(
        True, "Pass large objects on to clients within the kernel, without copying them."
    )
    hash_once: bool = opt(
        True,
        "Compute the MD5 of a large body here, and send it with checksums to the object servers"
        " that take it, instead of having each of them compute it.",
    )
    borrow_files: bool = opt(
        True,
        "Read and write the files of large objects directly where an object server on this host"
        " lends them.",
    )
    local_sockets: bool = opt(
        True,
        "Talk over local sockets, not TCP, with those servers on this host that listen at one.",
    )
    error_suppression_interval: Seconds = opt(
        60.0, "A node with too many errors within this time is left alone as long.", minimum=0
    )
    error_suppression_limit: int = opt(10, "Errors that are still forgiven.", minimum=0)
    recheck_account_existence: Seconds = opt(
        60.0, "How long what is known of an account is believed.", minimum=0
    )
    recheck_container_existence: Seconds = opt(
        60.0, "How long what is known of a container is believed.", minimum=0
    )
    account_existence_skip_cache_pct: float = opt(
        0.0, "Share of look-ups that ask a server although the cache knows.", minimum=0, maximum=100
    )
    container_existence_skip_cache_pct: float = opt(
        0.0, "Share of look-ups that ask a server although the cache knows.", minimum=0, maximum=100
    )
    request_node_count: tuple[int, bool] = opt(
        (2, True),
        "Nodes tried for one request at most.",
        parse=parse_times_replicas,
        shown="2 * replicas",
    )
    timing_expiry: Seconds = opt(
        300.0, "For sorting_method = timing: age at which a measurement is dropped.", minimum=0
    )
    log_handoffs: bool = opt(True, "Tell the log when handoffs are used.")
    max_containers_per_account: int = opt(
        0, "Refuse further containers beyond this many (403); 0: no limit.", minimum=0
    )
    max_containers_whitelist: tuple[str, ...] = opt(
        (), "Accounts without that limit, comma-separated."
    )
    allow_account_management: bool = opt(
        False, "Let resellers make and delete accounts (PUT and DELETE)."
    )
    account_autocreate: bool = opt(False, "Make an account when something is first put in it.")
    auto_create_account_prefix: str = opt(".", "Accounts of the cluster's own services.")
    deny_host_headers: tuple[str, ...] = opt((), "Host headers that are refused (403).")
    cors_allow_origin: tuple[str, ...] = opt(
        (), "Origins that any container may be used from, comma-separated."
    )
    cors_expose_headers: tuple[str, ...] = opt(
        (), "Headers that scripts of any allowed origin may read, comma-separated."
    )
    strict_cors_mode: bool = opt(
        True, "Say nothing about CORS to origins that a container does not name."
    )
    swift_owner_headers: tuple[str, ...] = opt(
        SWIFT_OWNER_HEADERS, "Headers that only an account's owners see and set."
    )
    expose_info: bool = opt(True, "Answer GET /info.")
    admin_key: str = opt("", "Key of the signature with which /info tells more.")
    disallowed_sections: tuple[str, ...] = opt(
        ("swift.valid_api_versions", "swift.auto_create_account_prefix"),
        "Sections and facts that /info leaves out.",
    )
    allow_open_expired: bool = opt(
        False, "Let owners read an expired object that is still there (X-Open-Expired: true)."
    )

    def __post_init__(self) -> None:
        if self.sorting_method == "affinity" and not self.read_affinity:
            raise ValueError("sorting_method = affinity needs read_affinity")


_OWN = tuple(field.name for field in fields(PolicyOptions))


def options_of_policy(of_all: ProxyOptions, conf: Conf, index: int) -> PolicyOptions:
    """What holds for one policy: its section [proxy-server:policy:<index>] over the proxy's.
    Raises ConfError."""
    common = PolicyOptions(**{name: getattr(of_all, name) for name in _OWN})
    name = f"proxy-server:policy:{index}"
    where = f"{conf.path} [{name}]"
    # [DEFAULT] reaches every section, and says what no policy can have to itself.
    section = {
        key: value
        for key, value in conf.sections.get(name, {}).items()
        if conf.defaults.get(key) != value
    }
    if not section:
        return common
    strange = sorted(set(section) & {field.name for field in fields(ProxyOptions)} - set(_OWN))
    if strange:
        raise ConfError(f"{where}: {strange[0]} cannot be set for one policy.")
    own = options(PolicyOptions, section, where=where)
    merged = replace(common, **{name: getattr(own, name) for name in _OWN if name in section})
    if merged.sorting_method == "affinity" and not merged.read_affinity:
        raise ConfError(f"{where}: sorting_method = affinity needs read_affinity.")
    return merged
