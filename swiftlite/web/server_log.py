"""The line that a storage server writes for each request, in the order that Swift's tools read."""

from __future__ import annotations

import os
from time import gmtime, strftime

from swiftlite.vocab.names import quote_path, wsgi_to_text
from swiftlite.web.request import Request
from swiftlite.web.response import Response


def request_line(request: Request, response: Response, seconds: float, now: float) -> str:
    """Client, time, verb and path, status, length, referer, transaction, agent, duration, pid."""
    environ = request.environ
    get = environ.get
    length = response.get_header("Content-Length", "-")
    when = strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(now))
    return (
        f"{get('REMOTE_ADDR', '-')} - - [{when}] "
        f'"{environ["REQUEST_METHOD"]} {quote_path(wsgi_to_text(environ["PATH_INFO"]))}" '
        f"{response.status_int} {length} "
        f'"{get("HTTP_REFERER", "-")}" "{get("HTTP_X_TRANS_ID", "-")}" '
        f'"{get("HTTP_USER_AGENT", "-")}" {seconds:.4f} "-" {os.getpid()} '
        f"{get('HTTP_X_BACKEND_STORAGE_POLICY_INDEX', '-')}"
    )
