"""Calls that belong to one place, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

from tests.house.source import Module, modules

CLOCK = ("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter")
NOW = ("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today")
SLEEP = ("time.sleep",)
FILES = (
    "open", "io.open", "os.open", "os.rename", "os.replace", "os.unlink", "os.remove", "os.mkdir",
    "os.makedirs", "os.rmdir", "os.listdir", "os.scandir", "os.walk", "os.fsync", "os.link",
    "os.symlink", "os.stat", "os.getxattr", "os.setxattr", "os.path.exists", "os.path.isfile",
    "os.path.isdir", "os.path.ismount", "fcntl.flock", "shutil.rmtree", "shutil.move",
)  # fmt: skip
CHANCE = ("random.random", "random.randint", "random.choice", "random.shuffle", "random.sample",
          "random.uniform", "os.urandom", "uuid.uuid4", "secrets.token_bytes",
          "secrets.token_hex")  # fmt: skip
PICKLES = ("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "shelve.open")
CODE = ("eval", "exec", "compile", "__import__", "os.system", "os.popen")
OUTPUT = ("print", "sys.exit", "exit", "quit", "input", "breakpoint")


def _found(banned: Iterable[str], allowed: tuple[str, ...]) -> list[str]:
    names = frozenset(banned)
    return [
        f"{module.name}:{line} uses {name}"
        for module in modules()
        if not module.name.startswith(allowed)
        for name, line in module.calls()
        if name in names
    ]


def test_only_the_host_looks_at_a_clock() -> None:
    assert _found(CLOCK + NOW, ("host/os_clock.py",)) == []


def test_only_the_host_sleeps() -> None:
    assert _found(SLEEP, ("host/os_clock.py",)) == []


def test_randomness_is_handed_in() -> None:
    """A generator made from a seed is a value like any other; the ring's are. Commands may ask."""
    assert _found(CHANCE, ("host/entropy.py", "testing/", "cli/")) == []


def test_nothing_is_unpickled_but_by_the_restricted_reader() -> None:
    assert _found(PICKLES, ()) == []


def test_no_code_is_made_from_text() -> None:
    """One exception: the log template, made of the operator's text by a compiler of its own."""
    assert _found(CODE, ("middleware/proxy_logging/template.py",)) == []


def test_libraries_do_not_print_or_exit() -> None:
    assert _found(OUTPUT, ("cli/", "service/", "console/")) == []


def test_files_are_the_hosts() -> None:
    """Exceptions: the ring's own files, conf files at start-up, what runs before there is a host,
    and links to databases, which SQLite keeps on the real disk whatever the host is."""
    before = ("cli/", "service/", "config/load.py", "observe/sinks.py")
    allowed = ("host/", "ring/", "container/sync/store.py", *before)
    assert _found(FILES, allowed) == []


def _too_long(module: Module, limit: int) -> list[tuple[str, int]]:
    return [(f"{module.name} {name}", lines) for name, lines in module.functions() if lines > limit]


def test_functions_and_files_keep_their_size() -> None:
    """Twice the aim is a failure; the aim itself (70 lines, 400 lines) is for reviewers."""
    long_functions = [found for module in modules() for found in _too_long(module, 140)]
    assert long_functions == []
    long_files = [
        (module.name, count)
        for module in modules()
        if (count := len(module.path.read_text(encoding="utf-8").splitlines())) > 800
    ]
    assert long_files == []
