"""Heads of requests and answers, from bytes to values.

About 2 µs for six headers: one decode, one split, one look for control characters over the whole
head, one dict look-up a header. A head is the bytes before the blank line; whoever reads from the
wire finds that line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from swiftlite.protocols.http1.controls import are_plain
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.names import environ_keys, is_token, show, usual_names

END_OF_HEAD = b"\r\n\r\n"

# Headers whose repetition has one meaning for us and another for somebody else.
_ONCE = frozenset(
    ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_HOST", "CONTENT_TYPE", "HTTP_EXPECT")
)
_KNOWN_METHODS = frozenset(  # any other token passes too, a little slower
    ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "COPY", "REPLICATE", "SSYNC", "UPDATE")
)
_KNOWN_HOSTS_MAX = 256
_KNOWN_LINES_MAX = 1024
_KNOWN_LINE_LENGTH_MAX = 128
_is_host = re.compile(r"(?:[A-Za-z0-9_.~%!$&'()*+;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?").fullmatch
_is_version = re.compile(r"HTTP/[0-9]\.[0-9]").fullmatch
_is_absolute = re.compile(r"(?i:https?)://([^/?#@]+)((?:[/?].*)?)").fullmatch


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Bytes, but for the count. Swift's names: max_header_size, max_request_line."""

    header_line_bytes: int = 8192
    request_line_bytes: int = 8192
    header_count: int = 126
    head_bytes: int = 65536


def read_request_head(head: bytes, environ: dict[str, Any], limits: HeadLimits) -> bool:
    """Put a request's head in the environ; true for HTTP/1.1, false for 1.0. Raises Malformed.

    Sets REQUEST_METHOD, PATH_INFO (unquoted), RAW_PATH_INFO (as sent), QUERY_STRING,
    SERVER_PROTOCOL, CONTENT_TYPE and CONTENT_LENGTH if sent, and HTTP_*.
    """
    lines = head.decode("latin-1").split("\r\n")
    count = len(lines) - 1
    if not are_plain(lines):
        raise _control_character(head)
    if len(head) > limits.header_line_bytes or len(lines[0]) > limits.request_line_bytes:
        _check_line_lengths(lines, limits)
    if count > limits.header_count:
        raise Malformed(f"There are more than {limits.header_count} headers.")
    try:
        method, target, version = lines[0].split(" ")
    except ValueError:
        raise _bad_request_line(lines[0]) from None
    if version != "HTTP/1.1" and version != "HTTP/1.0":
        raise _bad_version(version)
    if method not in _KNOWN_METHODS and not is_token(method):
        raise Malformed("The method of the request line is not a word.")
    del lines[0]
    without = len(environ)
    environ.update(map(_request_lines.__getitem__, lines))
    if len(environ) != without + count:
        _add_with_repetitions(environ, lines)
    environ.pop("", None)  # what EnvironKeys drops
    http11 = version == "HTTP/1.1"
    if target[:1] != "/":
        target = _other_target(method, target, environ)
    _check_host(environ.get("HTTP_HOST"), http11)
    path, _, query = target.partition("?")
    if "\t" in target:
        raise _bad_request_line(target)
    environ["REQUEST_METHOD"] = method
    environ["RAW_PATH_INFO"] = path
    environ["PATH_INFO"] = path if "%" not in path else _unquote(path)
    environ["QUERY_STRING"] = query
    environ["SERVER_PROTOCOL"] = version
    return http11


def read_answer_head(head: bytes) -> tuple[int, str, bool, dict[str, str]]:
    """(status, reason, http11, headers by usual name as WSGI strings). Raises Malformed.

    Equal names are joined by a comma, but for the framing ones, of which there may be one.
    """
    lines = head.decode("latin-1").split("\r\n")
    if not are_plain(lines):
        raise _control_character(head)
    first = lines[0]
    version, digits, reason = first[:8], first[9:12], first[13:]
    known_version = version == "HTTP/1.1" or version == "HTTP/1.0"
    if not known_version or first[8:9] != " " or first[12:13] not in (" ", ""):
        raise Malformed(f"This is not a status line: {show(first)}")
    if not (len(digits) == 3 and digits.isascii() and digits.isdigit() and digits >= "100"):
        raise Malformed(f"This is not a status: {show(digits)}")
    del lines[0]
    headers = dict(map(_answer_lines.__getitem__, lines))
    if len(headers) != len(lines):
        headers = _joined(lines)
    return int(digits), reason, version == "HTTP/1.1", headers


def check_trailer_line(line: bytes) -> None:
    """Trailers are dropped, but must be header lines. Raises Malformed."""
    text = line.decode("latin-1")
    if not are_plain((text,)):
        raise _control_character(line)
    name, colon, _ = text.partition(":")
    if not colon:
        raise Malformed("A line after the last chunk is not a header.")
    usual_names[name]


def head_can_still_be_good(received: bytes) -> None:
    """For a head whose end has not come yet: Malformed at once when it never can be one.

    A client that ends its lines with bare LF would otherwise wait for its answer until a timeout.
    """
    if received.count(b"\n") != received.count(b"\r\n"):
        raise Malformed("Lines must end with CR LF; there is a bare LF.")


class _Lines(dict[str, tuple[str, str]]):
    """Header line -> what its name stands for, and value; most lines were in the last heads too.

    A line costs a look-up in C so, and 1 µs if it is new. Raises Malformed.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, line: str) -> tuple[str, str]:
        name, colon, value = line.partition(":")
        found = self._names[name], value.strip(" \t")
        if not colon:
            raise Malformed(f"A header line has no colon: {show(line)}")
        if len(line) <= _KNOWN_LINE_LENGTH_MAX:
            if len(self) >= _KNOWN_LINES_MAX:
                self.clear()
            self[line] = found
        return found


_request_lines = _Lines(environ_keys)
_answer_lines = _Lines(usual_names)


def _add_with_repetitions(environ: dict[str, Any], lines: list[str]) -> None:
    """Headers of which some came more than once: all of them anew."""
    pairs = [_request_lines[line] for line in lines]
    for key, _ in pairs:
        environ.pop(key, None)
    for key, value in pairs:
        if key in environ:
            _repeat(environ, key, value)
        else:
            environ[key] = value


def _joined(lines: list[str]) -> dict[str, str]:
    """Headers of an answer in which some came more than once."""
    headers: dict[str, str] = {}
    for line in lines:
        name, value = _answer_lines[line]
        if name not in headers:
            headers[name] = value
        elif name in ("Content-Length", "Transfer-Encoding"):
            raise Malformed(f"There is more than one {name}.")
        else:
            headers[name] += ", " + value
    return headers


def _repeat(environ: dict[str, Any], key: str, value: str) -> None:
    if key == "":
        return
    if key in _ONCE:
        name = key.removeprefix("HTTP_").replace("_", "-").title()
        raise Malformed(f"There is more than one {name} header.")
    separator = "; " if key == "HTTP_COOKIE" else ","
    environ[key] = f"{environ[key]}{separator}{value}"


class _KnownHosts(dict[str, bool]):
    def __missing__(self, host: str) -> bool:
        good = _is_host(host) is not None
        if good and len(self) < _KNOWN_HOSTS_MAX:
            self[host] = True
        return good


_known_hosts = _KnownHosts()


def _check_host(host: str | None, http11: bool) -> None:
    if host is None:
        if http11:
            raise Malformed("An HTTP/1.1 request needs a Host header.")
    elif not _known_hosts[host]:
        raise Malformed("The Host header is not a host with an optional port.")


def _other_target(method: str, target: str, environ: dict[str, Any]) -> str:
    """The rarer forms: `http://host/path`, whose host counts, and `*` for OPTIONS."""
    if target == "*" and method == "OPTIONS":
        return target
    absolute = _is_absolute(target)
    if absolute is None:
        raise Malformed("The target of the request line is not a path.")
    environ["HTTP_HOST"] = absolute[1]
    rest = absolute[2]
    return rest if rest.startswith("/") else "/" + rest


def _unquote(path: str) -> str:
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1")


def _check_line_lengths(lines: list[str], limits: HeadLimits) -> None:
    if len(lines[0]) > limits.request_line_bytes:
        raise Malformed(f"The request line is longer than {limits.request_line_bytes} bytes.", 414)
    for line in lines[1:]:
        if len(line) > limits.header_line_bytes:
            raise Malformed(f"A header line is longer than {limits.header_line_bytes} bytes.")


def _bad_request_line(line: str) -> Malformed:
    return Malformed(f"The request line is not `METHOD target HTTP/1.1`: {show(line)}")


def _bad_version(version: str) -> Malformed:
    if _is_version(version):
        return Malformed("Only HTTP/1.1 and HTTP/1.0 are spoken here.", 505)
    return Malformed(f"This is not a version of HTTP: {show(version)}")


def _control_character(head: bytes) -> Malformed:
    rest = head.replace(b"\r\n", b"")
    if b"\n" in rest:
        return Malformed("Lines must end with CR LF; there is a bare LF.")
    if b"\r" in rest:
        return Malformed("Lines must end with CR LF; there is a bare CR.")
    return Malformed("There is a control character in the head of this message.")
