"""From a conf file to a WSGI app, by paste.deploy, whose only door this is.

Confs written for OpenStack Swift load as they are: `egg:swift#name` means our filter of that
name, eggs of others mean what they say, a directory of *.conf files counts as one file, and `%`
is an ordinary character. Filters that a proxy cannot do without are put in where they belong.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from configparser import RawConfigParser
from dataclasses import dataclass
from importlib.metadata import distribution
from types import FunctionType
from typing import Any

from paste.deploy import loadwsgi

from swiftlite.config.load import DEFAULT, Conf, ConfError, read_conf
from swiftlite.web.wsgi import WsgiApp

OURS = "egg:swiftlite"
_SWIFTS = "egg:swift"

EDGE = ("catch_errors", "gatekeeper", "proxy_logging", "memcache")
_AUTH = ("staticweb", "tempauth", "keystoneauth")


@dataclass(frozen=True, slots=True)
class Required:
    """A filter that a proxy needs even when its conf leaves it out.

    after: the filters that come before it where they are present (their first place counts).
    """

    name: str
    after: tuple[str, ...] = ()


ORDER = (
    Required("catch_errors"),
    Required("gatekeeper", ("catch_errors",)),
    Required("listing_formats", EDGE),
    Required("copy", (*EDGE, *_AUTH)),
    Required("dlo", (*EDGE, *_AUTH, "copy")),
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A loaded app and the entry points it is made of, from the outside in.

    names holds None for what came from no entry point; added, what the conf did not ask for.
    innermost is the app behind all filters.
    """

    app: WsgiApp
    names: tuple[str | None, ...]
    added: tuple[str, ...]
    innermost: WsgiApp

    def tidy(self) -> None:
        """Let the innermost app let go of what it has not needed lately; called now and then."""
        tidy = getattr(self.innermost, "tidy", None)
        if tidy is not None:
            tidy()

    def close(self) -> None:
        """Let the innermost app put its things in order (databases, above all) before the end."""
        close = getattr(self.innermost, "close", None)
        if close is not None:
            close()


def load_pipeline(
    conf: Conf | str, global_conf: Mapping[str, str] | None = None, *, for_clients: bool = True
) -> Pipeline:
    """Build the app of `[pipeline:main]` (or `[app:main]`) of a conf file or directory.

    global_conf adds to [DEFAULT] what the conf does not set itself. for_clients: a proxy gets the
    filters that it must not face clients without. Raises ConfError with a sentence for the
    operator; what a factory raises of its own passes through.
    """
    loaded = read_conf(conf) if isinstance(conf, str) else conf
    loader = _ConfLoader(loaded, global_conf or {})
    try:
        context = loader.app_context("main")
        return _built(loader, context, for_clients)
    except LookupError as error:
        raise ConfError(f"{loaded.path}: {_sentence(error)}") from error
    except ModuleNotFoundError as error:
        raise ConfError(
            f"{loaded.path}: the pipeline needs the Python package {error.name}, "
            "which is not installed."
        ) from error


def _built(loader: _ConfLoader, context: Any, for_clients: bool) -> Pipeline:  # noqa: ANN401  # paste has no types
    if context.object_type is not loadwsgi.PIPELINE:
        app = context.create()
        return Pipeline(app, (_entry_point(context),), (), app)
    contexts: list[Any] = list(context.filter_contexts)
    added: list[str] = []
    if for_clients and _entry_point(context.app_context) == "proxy":
        added = _complete(loader, contexts, context.app_context.global_conf)
    innermost = app = context.app_context.create()
    for filter_context in reversed(contexts):
        # Filters of others may look at what they are put in front of.
        inner = app if _entry_point(filter_context) is None else directly(app)
        app = filter_context.create()(inner)
    names = tuple(map(_entry_point, (*contexts, context.app_context)))
    return Pipeline(directly(app), names, tuple(added), innermost)


def directly(app: WsgiApp) -> WsgiApp:
    """The same app as something that is called without a detour through C.

    Python calls a method within its own loop, but an object that has `__call__` in a new one: 500
    instructions more, and a kilobyte of stack that is put away and brought back whenever the
    request waits. A pipeline has twenty of them.
    """
    if isinstance(type(app).__call__, FunctionType):
        return app.__call__  # type: ignore[operator,no-any-return]  # as above
    return app


def _complete(
    loader: _ConfLoader, contexts: list[Any], global_conf: Mapping[str, str]
) -> list[str]:
    """Insert required filters that are missing; their names."""
    added = []
    for required in ORDER:
        names = [_entry_point(context) for context in contexts]
        if required.name in names:
            continue
        place = place_after(required.after, names)
        section = f"{OURS}#{required.name}"
        contexts.insert(place, loader.get_context(loadwsgi.FILTER, section, dict(global_conf)))
        added.append(required.name)
    return added


def place_after(after: Sequence[str], names: Sequence[str | None]) -> int:
    """The first index behind every name of `after` that is present."""
    return max((names.index(name) + 1 for name in after if name in names), default=0)


def preload(conf: Conf) -> None:
    """Import the modules behind a conf's `use` lines; a parent does so before it forks.

    What cannot be imported is left for load_pipeline to complain about.
    """
    wanted = {
        ours(section["use"]).partition("#")[2]
        for section in conf.sections.values()
        if ours(section.get("use", "")).startswith(OURS + "#")
    }
    for entry in distribution("swiftlite").entry_points:
        if entry.group.startswith("paste.") and entry.name in wanted:
            with contextlib.suppress(ImportError, AttributeError):
                entry.load()


def ours(use: str) -> str:
    """`egg:swift#proxy` -> `egg:swiftlite#proxy`; everything else as it is."""
    if use == _SWIFTS or use.startswith(_SWIFTS + "#"):
        return OURS + use[len(_SWIFTS) :]
    return use


class _ConfLoader(loadwsgi.ConfigLoader):  # type: ignore[misc]  # paste has no types
    """paste.deploy's loader over a conf that was read and merged here.

    Unlike paste's own, an option in a section wins over the same option in [DEFAULT], which is
    what everybody who writes one expects.
    """

    def __init__(self, conf: Conf, global_conf: Mapping[str, str]) -> None:
        self.filename = conf.path
        defaults = {**global_conf, **conf.defaults}
        defaults["here"] = os.path.dirname(os.path.abspath(conf.path))
        defaults["__file__"] = os.path.abspath(conf.path)
        parser = RawConfigParser(default_section=DEFAULT)
        parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their case
        parser.read_dict({DEFAULT: defaults})
        for section, options in conf.sections.items():
            own = {
                key: value
                for key, value in options.items()
                if conf.defaults.get(key) != value or key not in conf.defaults
            }
            parser.read_dict({section: own})
        self.parser = parser

    def get_context(
        self,
        object_type: Any,  # noqa: ANN401  # paste has no types
        name: str | None = None,
        global_conf: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401  # as above
        if name is not None:
            name = ours(name)
        context = super().get_context(object_type, name, global_conf)
        if not self.absolute_name(name):
            section = self.find_config_section(object_type, name)
            _local_wins(context, self.parser, section)
        return context


def _local_wins(context: Any, parser: RawConfigParser, section: str) -> None:  # noqa: ANN401  # paste
    """paste drops an option of a section that [DEFAULT] has too; put it back."""
    if section.startswith("pipeline:"):
        return
    reserved = ("use", "next", "filter-with", "require")
    for option, value in parser._sections[section].items():  # type: ignore[attr-defined]  # own options only
        if not option.startswith(("set ", "get ", "paste.")) and option not in reserved:
            context.local_conf[option] = value


def _entry_point(context: Any) -> str | None:  # noqa: ANN401  # paste has no types
    """The name of our own entry point behind a context; None for those of others."""
    name: str | None = getattr(context, "entry_point_name", None)
    distribution = getattr(context, "distribution", None)
    if distribution is None or distribution.metadata["Name"] != "swiftlite":
        return None
    return name


def _sentence(error: Exception) -> str:
    text = str(error.args[0]) if error.args else repr(error)
    return text if text.endswith(".") else text + "."
