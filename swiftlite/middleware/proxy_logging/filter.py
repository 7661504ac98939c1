"""The filter: once per request, after its answer, a line in the log and a few metrics.

It stands twice in a pipeline. The left one logs what clients ask; the right one what filters
between them ask for themselves, told apart by a mark in the environ that subrequests do not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from swiftlite.config.option import opt
from swiftlite.config.units import parse_list
from swiftlite.host.clock import Clock
from swiftlite.middleware.factory import Filter, FilterConf, words
from swiftlite.middleware.proxy_logging.bodies import (
    WENT_WELL,
    CountedBody,
    CountedSender,
    counter_of,
)
from swiftlite.middleware.proxy_logging.fields import (
    LineOptions,
    in_path,
    method,
    policy_index,
)
from swiftlite.middleware.proxy_logging.template import (
    DEFAULT_TEMPLATE,
    Render,
    compile_template,
)
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd
from swiftlite.vocab.status import code_of, has_no_body
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp

MADE = "swift.proxy_access_log_made"
BAD_METHOD = "BAD_METHOD"


def _methods(text: str) -> list[str]:
    return [method.upper() for method in parse_list(text)]


def _template(text: str) -> str:
    compile_template(text)
    return text


@dataclass(frozen=True, slots=True)
class ProxyLoggingOptions:
    """Beside these every log_ option of [DEFAULT] may be set for access lines alone, with
    `access_` in front."""

    SECTION = "filter:proxy-logging"
    log_msg_template: str = opt(
        DEFAULT_TEMPLATE,
        "The line, of fields in braces; fields may be anonymised, {account.anonymized}.",
        parse=_template,
    )
    log_anonymization_method: str = opt(
        "MD5",
        "Digest that stands for an anonymised field.",
        choices=sorted(
            name.upper() for name in hashlib.algorithms_guaranteed if "shake" not in name
        ),
        parse=str.upper,
    )
    log_anonymization_salt: str = opt("", "Put in front of what is anonymised.")
    reveal_sensitive_prefix: int = opt(
        16, "First characters of tokens and signatures that lines show.", minimum=0
    )
    access_log_headers: bool = opt(
        False, "Add the request's headers to the line.", aliases=("log_headers",)
    )
    access_log_headers_only: list[str] = opt(
        [], "Only these headers, if any are named.", aliases=("log_headers_only",)
    )
    log_statsd_valid_http_methods: list[str] = opt(
        ["GET", "HEAD", "POST", "PUT", "DELETE", "COPY", "OPTIONS"],
        "Methods that have metrics of their own; the others are counted as BAD_METHOD.",
        parse=_methods,
        aliases=("access_log_statsd_valid_http_methods",),
    )


class ProxyLogging:
    """WSGI filter; see the module's text."""

    def __init__(
        self,
        app: WsgiApp,
        options: ProxyLoggingOptions,
        *,
        clock: Clock,
        log: Log,
        statsd: Statsd,
    ) -> None:
        self.app = app
        self.clock = clock
        self.log = log
        self.statsd = statsd
        self.render: Render = compile_template(options.log_msg_template)
        self.line = LineOptions(
            shown=options.reveal_sensitive_prefix,
            anonymization_method=options.log_anonymization_method.lower(),
            anonymization_salt=options.log_anonymization_salt.encode(),
            headers=options.access_log_headers,
            headers_only=words(options.access_log_headers_only),
        )
        self.methods = frozenset(options.log_statsd_valid_http_methods)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if MADE in environ:
            return self.app(environ, start_response)
        environ[MADE] = True
        clock = self.clock
        started, began = clock.wall(), clock.monotonic()
        received = counter_of(environ)
        head: list[Any] = []

        def start(status: str, headers: HeaderList, exc_info: object = None) -> Any:  # noqa: ANN401  # PEP 3333
            head[:] = (code_of(status), headers)
            return start_response(status, headers)

        def done(outcome: int, sent: int, first: float) -> None:
            wire, headers = head or (500, [])
            seconds = clock.monotonic() - began
            self.log.written(
                self.render(
                    environ,
                    self.line,
                    outcome or wire,
                    wire,
                    headers,
                    received(),
                    sent,
                    started,
                    started + seconds,
                    first - began if first else seconds,
                )
            )
            if self.statsd.enabled:
                name = _metric(environ, self.methods, outcome or wire)
                policy = policy_index(environ, headers)
                self._count(name, policy, seconds, first - began, received() + sent)

        try:
            body = self.app(environ, start)
        except BaseException:
            head[:] = (500, [])
            done(WENT_WELL, 0, 0.0)
            raise
        if isinstance(body, (list, tuple)):
            done(WENT_WELL, sum(map(len, body)), 0.0)
            return body
        if head and (environ["REQUEST_METHOD"] == "HEAD" or has_no_body(head[0])):
            done(WENT_WELL, 0, 0.0)
            return body
        if hasattr(body, "send_to"):
            return CountedSender(body, done, clock.monotonic)
        return CountedBody(body, done, clock.monotonic)

    def _count(
        self, name: str, policy: str, seconds: float, first_byte: float, transferred: int
    ) -> None:
        """Swift's metrics: `<name>.timing`, `.first-byte.timing`, `.xfer`; objects' by policy."""
        names = [name]
        if name.startswith("object.") and policy.isdigit():
            names.append(f"object.policy.{policy}.{name.removeprefix('object.')}")
        for metric in names:
            self.statsd.timing(f"{metric}.timing", seconds)
            if ".GET." in metric:
                self.statsd.timing(f"{metric}.first-byte.timing", max(first_byte, 0.0))
            self.statsd.count(f"{metric}.xfer", transferred)


def _metric(environ: Environ, methods: frozenset[str], status: int) -> str:
    """`object.GET.200`: what the request was about (or the filter that made it), verb, status."""
    verb = method(environ)
    if in_path(environ, 4):
        kind = "object"
    elif in_path(environ, 3):
        kind = "container"
    elif in_path(environ, 2):
        kind = "account"
    else:
        kind = str(environ.get("swift.source") or "UNKNOWN")
    return f"{kind}.{verb if verb in methods else BAD_METHOD}.{status}"


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(ProxyLoggingOptions.SECTION, global_conf, local_conf)
    options = conf.options(
        ProxyLoggingOptions, dynamic=lambda key: key.startswith(("access_log_", "log_"))
    )
    clock = conf.host.clock
    log, statsd = conf.log(prefix="access_"), conf.statsd(prefix="access_")
    return lambda app: ProxyLogging(app, options, clock=clock, log=log, statsd=statsd)
