"""Refuses names that an operator does not want to have: certain signs, too long, of a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.vocab.names import wsgi_to_text
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


@dataclass(frozen=True, slots=True)
class NameCheckOptions:
    SECTION = "filter:name_check"
    forbidden_chars: str = opt("'\"`<>", "Signs that no path may have; empty: all may be used.")
    maximum_length: int = opt(255, "Longest path, in characters.", minimum=1)
    forbidden_regexp: str = opt(
        r"/\./|/\.\./|/\.$|/\.\.$",
        "Paths that match this are refused; empty: none.",
        parse=_pattern,
    )


class NameCheck:
    """WSGI filter; looks at every path."""

    def __init__(self, app: WsgiApp, options: NameCheckOptions) -> None:
        self.app = app
        self.options = options
        self.forbidden = frozenset(options.forbidden_chars)
        pattern = options.forbidden_regexp
        self.matches = re.compile(pattern).search if pattern else None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        problem = self._problem_of(wsgi_to_text(environ["PATH_INFO"]))
        if problem is not None:
            return Refusal(400, problem).response()(environ, start_response)
        return self.app(environ, start_response)

    def _problem_of(self, path: str) -> str | None:
        if not self.forbidden.isdisjoint(path):
            return (
                "Object/Container/Account name contains forbidden chars from "
                f"{self.options.forbidden_chars}"
            )
        if len(path) > self.options.maximum_length:
            return (
                "Object/Container/Account name longer than the allowed maximum "
                f"{self.options.maximum_length}"
            )
        if self.matches is not None and self.matches(path):
            return (
                "Object/Container/Account name contains a forbidden substring from regular "
                f"expression {self.options.forbidden_regexp}"
            )
        return None


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(NameCheckOptions.SECTION, global_conf, local_conf)
    options = conf.options(NameCheckOptions)
    register(
        "name_check",
        forbidden_chars=options.forbidden_chars,
        forbidden_regexp=options.forbidden_regexp,
        maximum_length=options.maximum_length,
    )
    return lambda app: NameCheck(app, options)
