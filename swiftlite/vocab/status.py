"""Status codes: their reason phrases and their classes.

Beside the registered codes stand the few that Swift made its own (498, 499, 529).
"""

from __future__ import annotations

REASONS = {
    100: "Continue",
    101: "Switching Protocols",
    200: "OK",
    201: "Created",
    202: "Accepted",
    203: "Non-Authoritative Information",
    204: "No Content",
    205: "Reset Content",
    206: "Partial Content",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    305: "Use Proxy",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    414: "Request URI Too Long",
    415: "Unsupported Media Type",
    416: "Requested Range Not Satisfiable",
    417: "Expectation Failed",
    422: "Unprocessable Entity",
    423: "Locked",
    424: "Failed Dependency",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    498: "Rate Limited",
    499: "Client Disconnect",
    500: "Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
    529: "Too Many Backend Requests",
}

STATUS_LINES = {code: f"{code} {reason}" for code, reason in REASONS.items()}


def reason_of(status: int) -> str:
    return REASONS.get(status, "Unknown")


def status_line(status: int) -> str:
    """`404 Not Found`, as start_response takes it."""
    return STATUS_LINES.get(status) or f"{status} Unknown"


class _Codes(dict[str, int]):
    """Bounded, because anybody's app may make a line."""

    def __missing__(self, line: str) -> int:
        code = int(line[:3])
        if len(self) < 1024 and len(line) <= 128:
            self[line] = code
        return code


code_of = _Codes().__getitem__
"""`404 Not Found` -> 404. Raises ValueError."""


def is_informational(status: int) -> bool:
    return 100 <= status < 200


def is_success(status: int) -> bool:
    return 200 <= status < 300


def is_redirection(status: int) -> bool:
    return 300 <= status < 400


def is_client_error(status: int) -> bool:
    return 400 <= status < 500


def is_server_error(status: int) -> bool:
    return 500 <= status < 600


def has_no_body(status: int) -> bool:
    """Answers that never carry a body, nor a Content-Length of one: 1xx, 204, 304."""
    return status < 200 or status in (204, 304)
