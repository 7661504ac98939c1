"""Imports go down the floors of doc/architecture, and each outside package has one door."""

from __future__ import annotations

import sys

from tests.house.source import modules

FLOORS = (
    ("vocab",),
    ("formats", "config"),
    ("ring", "policies", "sharding", "protocols", "plan"),
    ("host", "observe"),
    ("objectstore", "dbstore", "cluster", "httpd", "peers", "memcache"),
    ("web", "service"),
    ("infocache", "dbsync"),
    ("proxy", "middleware", "account", "container", "obj"),
    ("cli", "console"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
BESIDE = {("policies", "ring"), ("plan", "ring"), ("observe", "host"), ("service", "web")}

# Outside packages, and the only files (or rooms) that may import them.
DOORS = {
    "eventlet": ("host/green.py",),
    "greenlet": ("testing/sim_tasks.py",),
    "xattr": ("host/os_disk.py",),
    "pyeclib": ("policies/ec_driver.py",),
    "msgpack": ("formats/metadata_msgpack.py",),
    "webob": ("web/",),
    "paste": ("service/pipeline.py",),
    "sqlite3": ("dbstore/",),
    "pickle": ("formats/swift_pickle.py",),
    "dns": ("middleware/cname_lookup.py",),
}
# Standard modules that stand for the machine: nobody below the host knows them.
MACHINE = frozenset((
    "socket", "_socket", "ssl", "select", "selectors", "threading", "_thread", "asyncio",
    "multiprocessing", "concurrent", "logging", "subprocess", "signal", "tempfile", "shutil",
))  # fmt: skip
RING_FILES = "ring/files.py"  # the one file act below the host: embedders expect a path to work
PURE = frozenset(room for rooms in FLOORS[:3] for room in rooms)


def _room_of(imported: str) -> str:
    parts = imported.split(".")
    return parts[1] if len(parts) > 1 else ""


def _beside(room: str, target: str) -> bool:
    return (room, target) in BESIDE


def test_every_room_has_a_floor() -> None:
    rooms = {module.room for module in modules()} - {"", "testing"}
    assert rooms <= set(FLOOR)


def test_imports_go_down() -> None:
    wrong = []
    for module in modules():
        if module.room in ("", "testing"):
            continue
        for imported, line in module.imports():
            target = _room_of(imported)
            if not imported.startswith("swiftlite.") or target == module.room:
                continue
            if target not in FLOOR and target != "__version__":
                wrong.append(f"{module.name}:{line} imports {imported}, which is on no floor")
            elif (
                FLOOR.get(target, -1) >= FLOOR[module.room] and (module.room, target) not in BESIDE
            ):
                wrong.append(f"{module.name}:{line} imports {imported}, which is not below it")
    assert wrong == []


def test_ring_commands_reach_no_higher_than_the_ring() -> None:
    """But for the clock, which has one door."""
    wrong = [
        f"{module.name}:{line} imports {imported}"
        for module in modules()
        if module.name.startswith("cli/ring_builder/")
        for imported, line in module.imports()
        if imported.startswith("swiftlite.")
        and not imported.startswith(("swiftlite.cli", "swiftlite.host.os_clock"))
        and imported != "swiftlite.host"
        and FLOOR[_room_of(imported)] > FLOOR["ring"]
    ]
    assert wrong == []


def test_each_outside_package_has_its_door() -> None:
    wrong = []
    for module in modules():
        for imported, line in module.imports():
            package = imported.split(".")[0]
            if package in DOORS:
                if not module.name.startswith(DOORS[package]):
                    wrong.append(f"{module.name}:{line} imports {imported}")
            elif package not in sys.stdlib_module_names and package not in ("swiftlite", "_md5"):
                wrong.append(f"{module.name}:{line} imports {imported}, which has no door at all")
    assert wrong == []


def test_the_pure_floors_know_no_machine() -> None:
    wrong = [
        f"{module.name}:{line} imports {imported}"
        for module in modules()
        if module.room in PURE and module.name != RING_FILES
        for imported, line in module.imports()
        if imported.split(".")[0] in MACHINE
    ]
    assert wrong == []
