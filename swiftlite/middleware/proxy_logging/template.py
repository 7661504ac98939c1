"""log_msg_template, turned once into a function that makes a line of an entry: one f-string.

A field is a name of entry.Entry, as it is or with an attribute: `{path}`, `{account.anonymized}`,
`{end_time.datetime}`. Every value is percent-encoded, so that a line has as many words as its
template; an empty one is written as `-`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from string import Formatter
from urllib.parse import quote_from_bytes

from swiftlite.middleware.proxy_logging.entry import Entry

DEFAULT_TEMPLATE = (
    "{client_ip} {remote_addr} {end_time.datetime} {method} {path} {protocol} {status_int} "
    "{referer} {user_agent} {auth_token} {bytes_recvd} {bytes_sent} {client_etag} "
    "{transaction_id} {headers} {request_time} {source} {log_info} {start_time} {end_time} "
    "{policy_index}"
)
Render = Callable[[Entry], str]

TEXTS = frozenset(
    (
        "account",
        "auth_token",
        "client_etag",
        "client_ip",
        "container",
        "domain",
        "headers",
        "log_info",
        "method",
        "object",
        "path",
        "policy_index",
        "protocol",
        "referer",
        "remote_addr",
        "source",
        "transaction_id",
        "user_agent",
    )
)
NUMBERS = frozenset(
    ("bytes_recvd", "bytes_sent", "pid", "request_time", "status_int", "ttfb", "wire_status_int")
)
TIMES = frozenset(("start_time", "end_time"))
TIME_FORMS = frozenset(("asctime", "datetime", "iso8601", "ms", "ns", "s", "us"))

_is_plain = re.compile(r"[A-Za-z0-9_.~:/{}-]+").fullmatch


def quoted(text: str) -> str:
    """One word for a log line."""
    if _is_plain(text):
        return text
    return _quoted(text) if text else "-"


@lru_cache(maxsize=512)
def _quoted(text: str) -> str:
    """Remembered, because user agents come again and again."""
    return quote_from_bytes(text.encode("latin-1", "replace"), ":/{}")


def compile_template(template: str) -> Render:
    """The line of an entry. Raises ValueError, worded to follow the option's name."""
    parts = []
    try:
        for literal, name, spec, conversion in Formatter().parse(template):
            parts.append(literal.replace("{", "{{").replace("}", "}}"))
            if name is None:
                continue
            if conversion or spec:
                raise ValueError(f"may not format {{{name}}} any further")
            parts.append(f"{{{_expression(name)}}}")
    except ValueError as error:
        raise ValueError(f"is no template that can be used: {error}") from None
    # What is evaluated is made of the operator's literals, as a string's repr, and of the
    # expressions below; no text of a client or of the template is run as code.
    source = "lambda entry: f" + repr("".join(parts))
    render: Render = eval(source, {"quoted": quoted, "str": str})
    return render


def _expression(field: str) -> str:
    """Python for one field; only double quotes and no backslash may be in it."""
    name, dot, attribute = field.partition(".")
    if not dot:
        if name in NUMBERS or name in TIMES:
            return f"entry.{name}"
        if name in TEXTS:
            return f"quoted(entry.{name})"
    elif attribute == "anonymized" and name in TEXTS:
        return f"quoted(entry.anonymized(entry.{name}))"
    elif attribute in TIME_FORMS and name in TIMES:
        return f"quoted(entry.{name}.{attribute})"
    raise ValueError(f"{{{field}}} is not a field")
