"""`swiftlite-config SERVER|CONF...`: a conf as it is understood, its parts merged.

Exit codes: 0 shown, 1 nothing named, or a conf that cannot be read, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from swiftlite.cli.pipes import may_be_cut
from swiftlite.config.load import DEFAULT, Conf, ConfError, read_conf
from swiftlite.service.servers import SWIFT_DIR, places

Sections = dict[str, dict[str, str]]
_WSGI = ("pipeline", "app", "filter", "composite")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-config",
        description="Show confs as servers read them: the parts of a conf.d directory merged, "
        "[DEFAULT] in every section.",
    )
    made.add_argument("words", nargs="*", metavar="SERVER|CONF", help="object, object.1, a path")
    made.add_argument(
        "-c", "--config-num", type=int, default=0, metavar="N", help="only the N-th conf of SERVER"
    )
    made.add_argument("-s", "--section", help="only this section")
    made.add_argument(
        "-w",
        "--wsgi",
        action="store_true",
        help="only what serves requests: the pipeline and its parts",
    )
    made.add_argument("--swift-dir", default=SWIFT_DIR, help=f"where confs are ({SWIFT_DIR})")
    made.add_argument("--json", action="store_true", help="an object: conf, section, option")
    return made


@may_be_cut
def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if not options.words:
        print("swiftlite-config: name a server or a conf", file=sys.stderr)
        return 1
    shown: dict[str, Sections] = {}
    try:
        for path in _paths(options.words, options.swift_dir, options.config_num):
            sections = _sections(read_conf(path), wsgi=options.wsgi)
            if options.section:
                sections = {k: v for k, v in sections.items() if k == options.section}
            shown[path] = sections
    except ConfError as error:
        print(f"swiftlite-config: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(shown))
        return 0
    for path, sections in shown.items():
        print(f"# {path}")
        for name, values in sections.items():
            print(f"[{name}]")
            for option, value in values.items():
                print(f"{option} = {value}")
            print()
        print()
    return 0


def _paths(words: Sequence[str], swift_dir: str, number: int) -> list[str]:
    found: list[str] = []
    for word in words:
        if os.path.exists(word):
            found.append(word)
            continue
        (server,) = places([word])[:1]
        confs = [str(conf) for conf in server.conf_files(swift_dir)]
        if number:
            confs = confs[number - 1 : number]
        if not confs:
            which = f" number {number}" if number else ""
            print(f"Unable to locate config{which} for {server.name}")
        found += confs
    return found


def _sections(conf: Conf, *, wsgi: bool) -> Sections:
    if not wsgi:
        return {name: dict(values) for name, values in conf.sections.items()} or {
            DEFAULT: dict(conf.defaults)
        }
    names = conf.sections.get("pipeline:main", {}).get("pipeline", "").split()
    wanted = {"pipeline:main", *(f"{kind}:{name}" for name in names for kind in _WSGI)}
    return {name: dict(values) for name, values in conf.sections.items() if name in wanted}
