"""log_msg_template, turned once into a function that makes a line: one f-string.

A field stands as `{path}`, or with an attribute: `{account.anonymized}`, `{end_time.datetime}`.
Every value is percent-encoded, and literals are made printable, so that a line has as many words
as its template whatever clients send; an empty one is written as `-`. A default line takes 4 µs.
"""

from __future__ import annotations

import os
import re
from string import Formatter
from typing import Any, Protocol
from urllib.parse import quote_from_bytes

from swiftlite.middleware.proxy_logging import fields
from swiftlite.middleware.proxy_logging.fields import LineOptions
from swiftlite.observe.decimals import decimals
from swiftlite.observe.log import printable
from swiftlite.web.wsgi import Environ, HeaderList

DEFAULT_TEMPLATE = (
    "{client_ip} {remote_addr} {end_time.datetime} {method} {path} {protocol} {status_int} "
    "{referer} {user_agent} {auth_token} {bytes_recvd} {bytes_sent} {client_etag} "
    "{transaction_id} {headers} {request_time} {source} {log_info} {start_time} {end_time} "
    "{policy_index}"
)
_PARAMETERS = (
    "environ, options, status_int, wire_status_int, response_headers, bytes_recvd, bytes_sent, "
    "started, ended, ttfb"
)

# Field to the expression of its text. Expressions hold neither quotes nor backslashes, which may
# not stand inside an f-string's braces; so keys of the environ are names here.
TEXTS = {
    "account": "fields.in_path(environ, 2)",
    "auth_token": "fields.auth_token(environ, options)",
    "client_etag": "environ.get(HTTP_ETAG, EMPTY)",
    "client_ip": "fields.client_ip(environ)",
    "container": "fields.in_path(environ, 3)",
    "domain": "environ.get(HTTP_HOST, EMPTY)",
    "headers": "fields.headers(environ, options)",
    "log_info": "fields.log_info(environ)",
    "method": "fields.method(environ)",
    "object": "fields.in_path(environ, 4)",
    "path": "fields.path(environ, options)",
    "policy_index": "fields.policy_index(environ, response_headers)",
    "protocol": "environ.get(SERVER_PROTOCOL, EMPTY)",
    "referer": "fields.referer(environ, options)",
    "remote_addr": "environ.get(REMOTE_ADDR, EMPTY)",
    "source": "environ.get(SOURCE, EMPTY)",
    "transaction_id": "environ.get(TRANS_ID, EMPTY)",
    "user_agent": "environ.get(HTTP_USER_AGENT, EMPTY)",
}
# Those that come again and again, so that their encoded form is worth keeping.
_RECURRING = frozenset(
    (
        "auth_token",
        "client_ip",
        "domain",
        "method",
        "policy_index",
        "protocol",
        "remote_addr",
        "source",
        "user_agent",
    )
)
# Those that most requests do not have, with what tells so.
_RARE = {
    "client_etag": "HTTP_ETAG in environ",
    "headers": "options.headers",
    "log_info": "LOG_INFO in environ",
    "referer": "HTTP_REFERER in environ",
}
NUMBERS = {
    "bytes_recvd": "bytes_recvd",
    "bytes_sent": "bytes_sent",
    "pid": "getpid()",
    "request_time": "decimals(ended - started, 4)",
    "status_int": "status_int",
    "ttfb": "decimals(ttfb, 4)",
    "wire_status_int": "wire_status_int",
}
TIMES = {"start_time": "started", "end_time": "ended"}
TIME_FORMS = {
    "asctime": "word(fields.asctime({}))",
    "datetime": "fields.datetime({})",
    "iso8601": "fields.iso8601({})",
    "s": "int({})",
    "ms": "int({} * 1e3)",
    "us": "int({} * 1e6)",
    "ns": "int({} * 1e9)",
}


class Render(Protocol):
    """A line of one request; started and ended: wall time, ttfb: seconds."""

    def __call__(
        self,
        environ: Environ,
        options: LineOptions,
        status_int: int,
        wire_status_int: int,
        response_headers: HeaderList,
        bytes_recvd: int,
        bytes_sent: int,
        started: float,
        ended: float,
        ttfb: float,
        /,
    ) -> str: ...


_is_plain = re.compile(r"[A-Za-z0-9_.~:/{}-]+").fullmatch


def word(text: str) -> str:
    """One word for a log line."""
    if _is_plain(text):
        return text
    return quote_from_bytes(text.encode("latin-1", "replace"), ":/{}") or "-"


class _Words(dict[str, str]):
    """Texts to their words, for those that recur; bounded, because clients choose some."""

    LIMIT = 2048
    CHARS_MAX = 256

    def __missing__(self, text: str) -> str:
        made = word(text)
        if len(text) <= self.CHARS_MAX:
            if len(self) >= self.LIMIT:
                self.clear()
            self[text] = made
        return made


_NAMES: dict[str, Any] = {
    "DASH": "-",
    "EMPTY": "",
    "HTTP_ETAG": "HTTP_ETAG",
    "HTTP_HOST": "HTTP_HOST",
    "HTTP_REFERER": "HTTP_REFERER",
    "HTTP_USER_AGENT": "HTTP_USER_AGENT",
    "LOG_INFO": "swift.log_info",
    "REMOTE_ADDR": "REMOTE_ADDR",
    "SERVER_PROTOCOL": "SERVER_PROTOCOL",
    "SOURCE": "swift.source",
    "TRANS_ID": "swift.trans_id",
    "decimals": decimals,
    "fields": fields,
    "getpid": os.getpid,
    "int": int,
    "word": word,
}


def compile_template(template: str) -> Render:
    """The function that makes lines. Raises ValueError, worded to follow the option's name."""
    parts = []
    try:
        for literal, name, spec, conversion in Formatter().parse(template):
            parts.append(printable(literal).replace("{", "{{").replace("}", "}}"))
            if name is None:
                continue
            if conversion or spec:
                raise ValueError(f"may not format {{{name}}} any further")
            parts.append(f"{{{_expression(name)}}}")
    except ValueError as error:
        raise ValueError(f"is no template that can be used: {error}") from None
    # What is evaluated is made of the operator's literals, as a string's repr, and of the
    # expressions above; no text of a client or of the template is run as code.
    source = f"lambda {_PARAMETERS}: f{''.join(parts)!r}"
    render: Render = eval(source, {**_NAMES, "words": _Words()})
    return render


def _expression(field: str) -> str:
    """Python for one field of a template."""
    name, dot, attribute = field.partition(".")
    if not dot:
        if name in NUMBERS:
            return NUMBERS[name]
        if name in TIMES:
            return f"decimals({TIMES[name]}, 9)"
        if name in _RECURRING:
            return f"words[{TEXTS[name]}]"
        if name in _RARE:
            return f"word({TEXTS[name]}) if {_RARE[name]} else DASH"
        if name in TEXTS:
            return f"word({TEXTS[name]})"
    elif attribute == "anonymized" and name in TEXTS:
        return f"word(fields.anonymized({TEXTS[name]}, options))"
    elif attribute in TIME_FORMS and name in TIMES:
        return TIME_FORMS[attribute].format(TIMES[name])
    raise ValueError(f"{{{field}}} is not a field")
