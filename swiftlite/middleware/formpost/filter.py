"""The filter: a form whose hidden fields are signed makes an object of every file in it.

The signature covers path, redirect, sizes, count and expiry; fields come before files. A file
that is cut off, or longer than allowed, is not stored at all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from swiftlite.config.option import opt
from swiftlite.host.clock import Clock
from swiftlite.middleware.block_input import BlockInput
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.formpost.multipart import (
    FormCutOff,
    FormMalformed,
    MultipartReader,
    PartHead,
    boundary_of,
)
from swiftlite.middleware.signatures import (
    DEPRECATED_DIGESTS,
    Key,
    digest_option,
    keys_of,
    matching_key,
    parse_signature,
)
from swiftlite.observe.log import Log
from swiftlite.vocab.errors import ClientGone
from swiftlite.vocab.names import check_utf8, text_to_wsgi, wsgi_to_text
from swiftlite.vocab.status import is_success, status_line
from swiftlite.web.info_registry import register
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_preauthed, send
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "FP"
AGENT = "%(orig)s FormPost"
VALUE_MAX = 4096
FIELDS_MAX = 100
NUMBER_DIGITS = 18
_PART_HEADERS = {"content-type": "Content-Type", "content-encoding": "Content-Encoding"}


@dataclass(frozen=True, slots=True)
class FormPostOptions:
    SECTION = "filter:formpost"
    allowed_digests: list[str] = opt(
        ["sha1", "sha256", "sha512"],
        "Digests of signatures; sha1 is deprecated.",
        parse=digest_option,
    )


class FormRefused(Exception):
    """The form ends with this status and sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class FileTooLarge(ClientGone):
    """A file is longer than max_file_size; whoever stores it stores nothing."""


class FormPost:
    """WSGI filter; looks at POSTs of multipart/form-data to containers and below."""

    def __init__(self, app: WsgiApp, options: FormPostOptions, *, clock: Clock, log: Log) -> None:
        self.app = app
        self.digests = options.allowed_digests
        self.clock = clock
        self.log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or "CONTENT_TYPE" not in environ:
            return self.app(environ, start_response)
        boundary = boundary_of(environ["CONTENT_TYPE"])
        if boundary is None or environ["PATH_INFO"].count("/") < 3:
            return self.app(environ, start_response)
        form = _Form(self, Request(environ), MultipartReader(environ["wsgi.input"].read, boundary))
        return form.answer()(environ, start_response)


@dataclass
class _Form:
    """One form being read."""

    filter: FormPost
    request: Request
    parts: MultipartReader
    values: dict[str, str] = field(default_factory=dict)
    keys: list[Key] | None = None
    signed: bool = False

    def answer(self) -> Response:
        """Take what the form holds, and tell its sender or send it on."""
        try:
            status, message = self._take_all()
        except FormRefused as refused:
            return _told(refused.status, refused.message)
        except (FormMalformed, FormCutOff) as error:
            return _told(400, str(error))
        redirect = self.values.get("redirect")
        # Only where the owner's signature stands for it: it may lead to any host.
        if self.signed and redirect and check_utf8(redirect) and redirect.isprintable():
            return _redirection(redirect, status, message)
        return _told(status, message)

    def _take_all(self) -> tuple[int, str]:
        """Status and sentence of the whole: those of the first failure, or of the last file."""
        files = fields = 0
        status = 0
        while (part := self.parts.next()) is not None:
            if part.filename:
                files += 1
                if files > self._number("max_file_count"):
                    return 400, "max file count exceeded"
                status = self._store(part)
                if not is_success(status):
                    return status, ""
            else:
                fields += 1
                if fields > FIELDS_MAX:
                    raise FormRefused(400, "the form has too many fields")
                self._keep_value(part)
        if not status:
            return 400, "no files to process"
        return 201, ""

    def _keep_value(self, part: PartHead) -> None:
        value = b""
        while block := self.parts.read(VALUE_MAX + 1 - len(value)):
            value += block
            if len(value) > VALUE_MAX:
                raise FormRefused(400, f"the value of the field {part.name} is too long")
        if part.name:
            self.values[part.name.lower()] = value.decode("utf-8", "surrogateescape").strip()

    def _store(self, part: PartHead) -> int:
        """PUT one file; the status. Raises FormRefused before anything is stored."""
        most = self._number("max_file_size")
        headers = self._headers(part)
        self._check_signature()
        path = wsgi_to_text(self.request.environ["PATH_INFO"])
        if path.count("/") < 4:
            path += "/"
        path += part.filename or "filename"
        if not check_utf8(path):
            raise FormRefused(412, "the name of a file is not valid UTF-8")
        request = make_preauthed(
            self.request.environ, "PUT", path, headers=headers, source=SOURCE, agent=AGENT
        )
        body = _FileBody(self.parts, most)
        environ = request.environ
        del environ["CONTENT_LENGTH"]
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
        environ["wsgi.input"] = body
        status = 400
        with contextlib.suppress(FileTooLarge, FormCutOff):  # told by the body in any case
            response = send(self.filter.app, request)
            response.discard_body()
            status = response.status_int
        if body.too_large:
            raise FormRefused(400, "max_file_size exceeded")
        if body.cut_off is not None:
            raise body.cut_off
        return status

    def _headers(self, part: PartHead) -> dict[str, str]:
        headers = {
            header: text_to_wsgi(part.headers[name])
            for name, header in _PART_HEADERS.items()
            if part.headers.get(name, "").isprintable() and part.headers.get(name)
        }
        for name, header in (("x_delete_at", "X-Delete-At"), ("x_delete_after", "X-Delete-After")):
            if name in self.values:
                headers[header] = str(self._number(name))
        return headers

    def _check_signature(self) -> None:
        values = self.values
        expires = self._number("expires")
        if expires < self.filter.clock.wall():
            raise FormRefused(401, "form expired")
        if self.keys is None:
            self.keys = keys_of(self.request.environ, self.filter.app, SOURCE)
        signature = parse_signature(values.get("signature", ""), self.filter.digests)
        text = signed_text(
            wsgi_to_text(self.request.environ["PATH_INFO"]),
            values.get("redirect", ""),
            values.get("max_file_size") or "0",
            values.get("max_file_count") or "0",
            values.get("expires") or "0",
        )
        if signature is None or matching_key(signature, [text], self.keys) is None:
            raise FormRefused(401, "invalid signature")
        self.signed = True

    def _number(self, name: str) -> int:
        text = self.values.get(name, "") or "0"
        if not (text.isascii() and text.isdigit()) or len(text) > NUMBER_DIGITS:
            raise FormRefused(400, f"{name} not an integer")
        return int(text)


def signed_text(
    path: str, redirect: str, max_file_size: str, max_file_count: str, expires: str
) -> bytes:
    """What a form's signature covers: the values of its fields as they were sent."""
    lines = (path, redirect, max_file_size, max_file_count, expires)
    return "\n".join(lines).encode("utf-8", "surrogateescape")


class _FileBody(BlockInput):
    """wsgi.input over one part; raises when the form is cut off or the file too large."""

    def __init__(self, parts: MultipartReader, most: int) -> None:
        self.too_large = False
        self.cut_off: FormCutOff | None = None
        self._parts = parts
        self._left = most

    def next_block(self, n: int) -> bytes:
        if self.too_large:
            raise FileTooLarge
        try:
            block = self._parts.read(n)
        except FormCutOff as error:
            self.cut_off = error
            raise
        self._left -= len(block)
        if self._left < 0:
            self.too_large = True
            raise FileTooLarge("a file is longer than max_file_size")
        return block


def _told(status: int, message: str) -> Response:
    """The outcome as text."""
    told = status_line(status)
    body = f"{told}\r\nFormPost: {message}" if message else told
    headers = {"Content-Type": "text/plain; charset=UTF-8"}
    if status == 401:
        headers["Www-Authenticate"] = 'Swift realm="unknown"'
    return Response(status, headers, body.encode("utf-8", "replace"))


def _redirection(redirect: str, status: int, message: str) -> Response:
    """303 to where the form says, with the outcome in the query."""
    mark = "&" if "?" in redirect else "?"
    location = f"{redirect}{mark}status={status}&message={quote(message)}"
    body = f'<html><body><p><a href="{escape(location)}">Click to continue...</a></p></body></html>'
    headers = {"Content-Type": "text/html; charset=UTF-8", "Location": text_to_wsgi(location)}
    return Response(303, headers, body.encode())


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(FormPostOptions.SECTION, global_conf, local_conf)
    options = conf.options(FormPostOptions)
    clock, log = conf.host.clock, conf.log()
    deprecated = [name for name in options.allowed_digests if name in DEPRECATED_DIGESTS]
    register("formpost", allowed_digests=sorted(options.allowed_digests))
    if deprecated:
        register("formpost", deprecated_digests=deprecated)
    return lambda app: FormPost(app, options, clock=clock, log=log)
