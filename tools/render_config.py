#!/usr/bin/env python3
"""Writes etc/*.conf-sample and doc/config/*.md from the option tables found in the rooms.

    tools/render_config.py          write what has changed
    tools/render_config.py --check  write nothing; exit 1 if something is stale

A table is a dataclass with a SECTION; CONF beside it names the files that it belongs to, where
that does not follow from the section.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import swiftlite
from swiftlite.config.render import Section, manual, sample

REPOSITORY = Path(__file__).resolve().parents[1]
STORAGE = ("account", "container", "object")
SERVERS = ("proxy", *STORAGE)
PORTS = {"proxy": 8080, "account": 6202, "container": 6201, "object": 6200}
PROXY_PIPELINE = (
    "catch_errors gatekeeper healthcheck proxy-logging cache listing_formats tempauth copy slo "
    "dlo proxy-logging proxy-server"
)
STORAGE_PIPELINE = "healthcheck recon metrics {kind}-server"
ENTRY_POINTS = {"cache": "memcache"}  # where the filter is not called like its section
INSIDE = ("object-expirer.conf", "internal-client.conf")
INSIDE_PIPELINE = "catch_errors proxy-logging cache proxy-server"
INSIDE_NOTES = {
    "filter:cache": (
        "With memcache_servers as in proxy-server.conf, or proxies go on with what they remember."
    ),
}
LATER = "swiftlite.observe"
NOTES = {
    "DEFAULT": "How the server runs. An option here counts for every section that does not set it.",
    "proxy-server:policy:0": "One such section for each policy that is to differ.",
    "storage-policy:0": "One such section for each policy; the index never changes.",
}
TITLES = {
    "proxy-server.conf": "The proxy server: clients come here.",
    "account-server.conf": "The account server, one on every node that the account ring names.",
    "container-server.conf": "The container server, one on every node of the container ring.",
    "object-server.conf": "The object server, one on every node of an object ring.",
    "object-expirer.conf": "The object expirer, on at least one node of the cluster.",
    "internal-client.conf": "The proxy within daemons that use the cluster as clients do.",
    "drive-audit.conf": "What swiftlite-drive-audit looks for, and what it does then.",
    "dispersion.conf": "What the dispersion tools ask, and as whom.",
    "swift.conf": "What all nodes of the cluster share; the same file on each.",
}


def tables() -> Iterator[type]:
    """Every option table of the package, in order of its module's name."""
    for found in pkgutil.walk_packages(swiftlite.__path__, "swiftlite."):
        path = REPOSITORY / Path(*found.name.split("."))
        source = path / "__init__.py" if found.ispkg else path.with_suffix(".py")
        if "SECTION = " not in source.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            if isinstance(value, type) and _is_table(value, found.name):
                yield value


def _is_table(value: type, module: str) -> bool:
    return value.__module__ == module and is_dataclass(value) and hasattr(value, "SECTION")


def confs_of(table: type) -> tuple[str, ...]:
    """The conf files that a table belongs to."""
    named = getattr(table, "CONF", None)
    if named:
        return tuple(named)
    section: str = table.SECTION  # type: ignore[attr-defined]  # that is what makes it a table
    if section == "DEFAULT":
        inside = INSIDE if table.__module__.startswith(LATER) else ()
        return (*(f"{kind}-server.conf" for kind in SERVERS), *inside)
    if section == "filter:healthcheck":
        return tuple(f"{kind}-server.conf" for kind in SERVERS)
    if section.startswith(("swift-", "storage-policy")):
        return ("swift.conf",)
    kind = section.removeprefix("app:").partition("-")[0]
    return (f"{kind}-server.conf",) if kind in STORAGE else ("proxy-server.conf",)


def documents() -> dict[str, list[Section]]:
    """The sections of each conf file, in the order in which an operator reads them."""
    found: dict[str, dict[str, list[type]]] = {name: {} for name in TITLES}
    # What a server serves comes before how it logs.
    for table in sorted(tables(), key=lambda table: table.__module__.startswith(LATER)):
        for conf in confs_of(table):
            section: str = table.SECTION  # type: ignore[attr-defined]  # as above
            found[conf].setdefault(section, []).append(table)
    return {conf: _ordered(conf, by_section) for conf, by_section in found.items()}


def _ordered(conf: str, by_section: dict[str, list[type]]) -> list[Section]:
    if conf in INSIDE:
        return [*_sections(conf, by_section, ["DEFAULT"]), *_inside()]
    kind = conf.partition("-")[0]
    order = ["DEFAULT", f"app:{kind}-server"]
    if kind in SERVERS:
        pipeline = PROXY_PIPELINE if kind == "proxy" else STORAGE_PIPELINE.format(kind=kind)
        order[1:1] = [f"filter:{name}" for name in dict.fromkeys(pipeline.split())]
    else:
        pipeline = ""
        order = ["swift-hash", "storage-policy:0"]
    sections = _sections(conf, by_section, order)
    if pipeline:
        at = 1 if sections and sections[0].header == "DEFAULT" else 0
        note = "Each request passes these in order."
        sections.insert(at, Section("pipeline:main", (), (f"pipeline = {pipeline}",), note))
    return sections


def _sections(conf: str, by_section: dict[str, list[type]], order: list[str]) -> list[Section]:
    """Those of the tables, the ones named first."""
    headers = [*order, *sorted(set(by_section) - set(order))]
    return [
        Section(header, tuple(by_section[header]), _lines(conf, header), NOTES.get(header, ""))
        for header in headers
        if header in by_section
    ]


def _inside() -> list[Section]:
    """A proxy that no client reaches; what its parts understand is in proxy-server.conf."""
    note = "No gatekeeper, which would take away what daemons say, and no auth: nobody logs in."
    parts = dict.fromkeys(INSIDE_PIPELINE.split()[:-1])
    filters = [f"filter:{name}" for name in parts]
    return [
        Section("pipeline:main", (), (f"pipeline = {INSIDE_PIPELINE}",), note),
        Section("app:proxy-server", (), ("use = egg:swiftlite#proxy", "account_autocreate = true")),
        *(
            Section(header, (), _lines("proxy-server.conf", header), INSIDE_NOTES.get(header, ""))
            for header in filters
        ),
    ]


def _lines(conf: str, header: str) -> tuple[str, ...]:
    kind = conf.partition("-")[0]
    if header == "DEFAULT":
        return () if conf in INSIDE else (f"bind_port = {PORTS[kind]}",)
    if header == "storage-policy:0":
        return ("name = gold", "default = yes")
    if header == f"app:{kind}-server":
        return (f"use = egg:swiftlite#{kind}",)
    prefix, colon, name = header.partition(":")
    if prefix == "filter" and colon:
        return (f"use = egg:swiftlite#{ENTRY_POINTS.get(name, name.replace('-', '_'))}",)
    return ()


def rendered() -> dict[Path, str]:
    """All generated files, by path within the repository."""
    files: dict[Path, str] = {}
    for conf, sections in documents().items():
        name = conf.removesuffix(".conf")
        files[Path("etc", f"{conf}-sample")] = sample(f"{conf}: {TITLES[conf]}", sections)
        files[Path("doc", "config", f"{name}.md")] = manual(conf, TITLES[conf], sections)
    return files


def main(arguments: list[str]) -> int:
    stale = 0
    for path, text in rendered().items():
        target = REPOSITORY / path
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(path)
        if "--check" not in arguments:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
