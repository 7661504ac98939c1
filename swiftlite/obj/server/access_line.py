"""One line per request, in the form that Swift's storage servers write."""

from __future__ import annotations

from collections.abc import Callable
from time import gmtime

from swiftlite.web import Request, Response

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class AccessLine:
    """Renders lines; the part that names the second is made once a second."""

    def __init__(self, wall: Callable[[], float], pid: int) -> None:
        self._wall = wall
        self._pid = pid
        self._second = -1
        self._stamp = ""

    def __call__(self, request: Request, response: Response, took: float) -> str:
        get = request.environ.get
        second = int(self._wall())
        if second != self._second:
            self._second, self._stamp = second, _stamp(second)
        return (
            f"{get('REMOTE_ADDR', '-')} - - [{self._stamp}] "
            f'"{request.verb} {get("RAW_PATH_INFO") or get("PATH_INFO", "")}" '
            f"{response.status_int} {response.get_header('Content-Length', '-')} "
            f'"{get("HTTP_REFERER", "-")}" "{get("HTTP_X_TRANS_ID", "-")}" '
            f'"{get("HTTP_USER_AGENT", "-")}" {took:.4f} "-" {self._pid} '
            f"{get('HTTP_X_BACKEND_STORAGE_POLICY_INDEX', '-')}"
        )


def _stamp(second: int) -> str:
    """`31/Jan/2026:12:00:00 +0000`."""
    year, month, day, hour, minute, seconds = gmtime(second)[:6]
    return f"{day:02d}/{_MONTHS[month - 1]}/{year}:{hour:02d}:{minute:02d}:{seconds:02d} +0000"
