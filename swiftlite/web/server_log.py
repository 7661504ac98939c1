"""The line that a storage server writes for each request, in the order that Swift's tools read."""

from __future__ import annotations

import os
from functools import lru_cache
from time import gmtime, strftime

from swiftlite.observe.decimals import decimals
from swiftlite.vocab.names import quote_path, wsgi_to_text
from swiftlite.web.request import Request
from swiftlite.web.response import Response


def request_line(request: Request, response: Response, seconds: float, now: float) -> str:
    """Client, time, verb and path, status, length, referer, transaction, agent, duration, pid."""
    environ = request.environ
    get = environ.get
    length = response.get_header("Content-Length", "-")
    return (
        f"{get('REMOTE_ADDR', '-')} - - [{_second(int(now))}] "
        f'"{environ["REQUEST_METHOD"]} {quote_path(wsgi_to_text(environ["PATH_INFO"]))}" '
        f"{response.status_int} {length} "
        f'"{get("HTTP_REFERER", "-")}" "{get("HTTP_X_TRANS_ID", "-")}" '
        f'"{get("HTTP_USER_AGENT", "-")}" {decimals(seconds, 4)} "-" {os.getpid()} '
        f"{get('HTTP_X_BACKEND_STORAGE_POLICY_INDEX', '-')}"
    )


@lru_cache(maxsize=4)
def _second(now: int) -> str:
    return strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(now))
