"""`swiftlite-form-signature`: signs a formpost form.

Exit codes: 0 signed, 1 something given cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from html import escape

from swiftlite.host.os_clock import wall
from swiftlite.middleware.signatures import DIGESTS, sign

_WORDS = ("path", "redirect", "max_file_size", "max_file_count", "seconds", "key")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-form-signature",
        description="Sign a form with which a browser may upload into a container, and show it.",
    )
    made.add_argument("path", help="/v1/account/container, and what names begin with")
    made.add_argument("redirect", help="where the browser goes afterwards; may be empty")
    made.add_argument("max_file_size", help="bytes of one file at most")
    made.add_argument("max_file_count", help="files at most")
    made.add_argument("seconds", help="for how long from now on the form may be sent")
    made.add_argument("key", help="X-Account-Meta-Temp-URL-Key, or the container's")
    made.add_argument("--digest", choices=DIGESTS, default="sha1", help="(sha1)")
    made.add_argument("--json", action="store_true", help="a JSON object")
    return made


class Unusable(ValueError):
    """A sentence about what was given."""


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len([word for word in words if not word.startswith("--")]) < len(_WORDS) and not (
        {"-h", "--help"} & set(words)
    ):
        parser().print_help()
        return 1
    options = parser().parse_args(words)
    try:
        size = _whole(options.max_file_size, "max_file_size", 0)
        count = _whole(options.max_file_count, "max_file_count", 1)
        expires = int(wall()) + _whole(options.seconds, "seconds", -(1 << 40))
        if expires < 1:
            raise Unusable("seconds must be positive.")
        _check_path(options.path)
    except Unusable as error:
        print(error)
        return 1
    signed = f"{options.path}\n{options.redirect}\n{size}\n{count}\n{expires}"
    signature = sign(options.digest, options.key.encode(), signed.encode()).hex()
    if options.json:
        print(json.dumps({"expires": expires, "signature": signature, "path": options.path}))
        return 0
    print(f"  Expires: {expires}\nSignature: {signature}\n")
    print("A form with it; put the cluster's address before the path of `action`:\n")
    print("\n".join(_form(options.path, options.redirect, size, count, expires, signature)))
    return 0


def _whole(text: str, name: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise Unusable(f"{name} must be a whole number, {least} or more.")
    return number


def _check_path(path: str) -> None:
    parts = path.split("/", 4)
    if len(parts) < 4 or parts[0] or parts[1] != "v1" or not parts[2] or not parts[3]:
        raise Unusable("path must name a container at least: /v1/account/container.")


def _form(
    path: str, redirect: str, size: int, count: int, expires: int, signature: str
) -> Iterator[str]:
    yield f'<form action="{escape(path)}" method="POST" enctype="multipart/form-data">'
    hidden = {
        "redirect": redirect,
        "max_file_size": str(size),
        "max_file_count": str(count),
        "expires": str(expires),
        "signature": signature,
    }
    for name, value in hidden.items():
        if value:
            yield f'  <input type="hidden" name="{name}" value="{escape(value)}" />'
    for number in range(count):
        yield f'  <input type="file" name="file{number}" />'
        yield "  <br />"
    yield '  <input type="submit" />'
    yield "</form>"
