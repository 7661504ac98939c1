"""Checks of what a client sends, each a Refusal with the sentence that helps it.

Limits come in as a value (`vocab.limits`). Sizes of names and values are counted in bytes of
their UTF-8, metadata names without their prefix.
"""

from __future__ import annotations

from swiftlite.vocab.headers import title_case, user_meta_prefix
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import check_utf8, wsgi_to_text
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.shapes import Keys

_LATEST_DELETE_AT = 9_999_999_999
"""Ten digits, the last moment that fits into the name of an expiry task."""


def _metadata_keys(server_type: str) -> tuple[str, Keys]:
    prefix = "HTTP_" + user_meta_prefix(server_type).replace("-", "_").upper()
    return prefix, Keys(lambda key: key.startswith(prefix))


_HEADERS = Keys(lambda key: key.startswith("HTTP_"))
_METADATA = {kind: _metadata_keys(kind) for kind in ("account", "container", "object")}


def check_metadata(request: Request, server_type: str, limits: Limits) -> None:
    """Refusal 400 when user metadata of "account", "container" or "object" breaks a limit."""
    environ = request.environ
    value_of = environ.__getitem__
    headers = _HEADERS.of(environ)
    if max(map(len, map(value_of, headers)), default=0) > limits.max_header_size:
        longest = max(headers, key=lambda key: len(environ[key]))
        raise Refusal(400, f"The header {_header_name(longest)} is too long.")
    prefix, metadata = _METADATA[server_type]
    count = size = 0
    for key in metadata.of(environ):
        name, value = key[len(prefix) :], environ[key]
        _check_metadata_item(name, value, limits)
        count += 1
        size += len(name) + len(value)
    if count > limits.max_meta_count:
        raise Refusal(400, f"There are more than {limits.max_meta_count} metadata items.")
    if size > limits.max_meta_overall_size:
        raise Refusal(
            400, f"The metadata takes more than {limits.max_meta_overall_size} bytes in all."
        )


def _check_metadata_item(name: str, value: str, limits: Limits) -> None:
    if not name:
        raise Refusal(400, "A metadata name cannot be empty.")
    if not check_utf8(wsgi_to_text(name)) or (value and not check_utf8(wsgi_to_text(value))):
        raise Refusal(400, "Metadata must be valid UTF-8, without NUL.")
    if len(name) > limits.max_meta_name_length:
        raise Refusal(
            400,
            f"The metadata name {_header_name(name)[:32]}... is longer than "
            f"{limits.max_meta_name_length} bytes.",
        )
    if len(value) > limits.max_meta_value_length:
        raise Refusal(
            400,
            f"The metadata value of {_header_name(name)} is longer than "
            f"{limits.max_meta_value_length} bytes.",
        )


def check_object_creation(request: Request, name: str, limits: Limits, now: float) -> None:
    """All checks of an object PUT but those of its content. now: seconds.

    Turns X-Delete-After into X-Delete-At.
    """
    length = request.body_length
    if length is None and not request.chunked:
        raise Refusal(411, "A PUT needs a Content-Length or chunked Transfer-Encoding.")
    if length is not None and length > limits.max_file_size:
        raise Refusal(413, f"An object may have at most {limits.max_file_size} bytes.")
    check_object_name(name, limits)
    content_type = request.get_header("Content-Type")
    if content_type is None:
        raise Refusal(400, "There is no Content-Type.")
    if content_type and not check_utf8(wsgi_to_text(content_type)):
        raise Refusal(400, "The Content-Type is not valid UTF-8.")
    check_delete_headers(request, now)
    check_metadata(request, "object", limits)


def check_delete_headers(request: Request, now: float) -> None:
    """X-Delete-After and X-Delete-At: whole numbers, in the future; the first becomes the second.

    A replica that moves between servers keeps a time that has passed meanwhile.
    """
    after = request.get_header("X-Delete-After")
    if after is not None:
        seconds = _whole_number(after, "X-Delete-After")
        if seconds <= 0:
            raise Refusal(400, "X-Delete-After is not in the future.")
        request.set_header("X-Delete-At", str(min(int(now) + seconds, _LATEST_DELETE_AT)))
        request.set_header("X-Delete-After", None)
    at = request.get_header("X-Delete-At")
    if at is None:
        return
    moment = min(_whole_number(at, "X-Delete-At"), _LATEST_DELETE_AT)
    if moment <= now and not request.true_header("X-Backend-Replication"):
        raise Refusal(400, "X-Delete-At is in the past.")
    request.set_header("X-Delete-At", str(moment))


def check_account_name(name: str, limits: Limits) -> None:
    _check_length("account", name, limits.account_name_limit(name))


def check_container_name(account: str, name: str, limits: Limits) -> None:
    if "/" in name:
        raise Refusal(400, "A container name cannot contain slashes.")
    _check_length("container", name, limits.container_name_limit(account))


def check_object_name(name: str, limits: Limits) -> None:
    _check_length("object", name, limits.max_object_name_length)


def check_utf8_path(request: Request, *, allow_reserved: bool = False) -> str:
    """The path as text; Refusal 412 when it is not UTF-8 or holds a NUL that it may not."""
    path = request.path_text
    if not check_utf8(path, internal=allow_reserved):
        raise Refusal(412, "The path is not valid UTF-8, or contains NUL.")
    return path


def float_header(request: Request, name: str, default: float) -> float:
    """A header that is a number; Refusal 400 when it is not."""
    text = request.get_header(name)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not -1e15 < number < 1e15:  # not a number compares false
        raise Refusal(400, f"{name} is not a number: {text!r}")
    return number


def int_header(request: Request, name: str, default: int) -> int:
    """A header that is a whole number; Refusal 400 when it is not."""
    text = request.get_header(name)
    return default if text is None else _whole_number(text, name)


def int_param(params: dict[str, str], name: str, default: int, maximum: int) -> int:
    """A query parameter from 0 to maximum; Refusal 412 otherwise, as listings answer.

    An empty value counts as absent.
    """
    text = params.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refusal(412, f"{name} must be a whole number, not {text!r}.")
    if len(text) > 18 or int(text) > maximum:
        raise Refusal(412, f"{name} may be at most {maximum}.")
    return int(text)


def _whole_number(text: str, name: str) -> int:
    digits = text.strip()
    unsigned = digits[1:] if digits[:1] in "+-" else digits
    if not (unsigned.isascii() and unsigned.isdigit()) or len(unsigned) > 18:
        raise Refusal(400, f"{name} is not a whole number: {text!r}")
    return int(digits)


def _check_length(kind: str, name: str, maximum: int) -> None:
    length = len(name) if name.isascii() else len(name.encode("utf-8", "surrogateescape"))
    if length > maximum:
        raise Refusal(400, f"The {kind} name has {length} bytes; it may have {maximum}.")


def _header_name(key: str) -> str:
    return title_case(key.removeprefix("HTTP_").replace("_", "-"))
