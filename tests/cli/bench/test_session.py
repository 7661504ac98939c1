"""A whole measurement on a small Swift of the test's own: what is asked of it, and what is left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftlite.cli.bench.endpoint import BenchError, given, log_in
from swiftlite.cli.bench.figures import Figures
from swiftlite.cli.bench.session import Session, Wishes
from swiftlite.cli.main import main
from swiftlite.host import green
from swiftlite.host.bundle import Host
from swiftlite.httpd.acceptor import serve
from tests.httpd.conftest import TestLog


class SmallSwift:
    """Objects in a dict; knows one user."""

    def __init__(self) -> None:
        self.port = 0
        self.objects: dict[str, bytes] = {}
        self.containers: set[str] = set()
        self.seen: Counter[str] = Counter()
        self.broken: set[str] = set()  # methods that are answered 503

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen[method] += 1
        status, headers, body = self.answer(environ, method, path)
        start_response(f"{status} X", [("Content-Length", str(len(body))), *headers])
        return [body]

    def answer(
        self, environ: dict[str, Any], method: str, path: str
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        if path == "/auth/v1.0":
            good = environ.get("HTTP_X_AUTH_KEY") == "testing"
            url = f"http://127.0.0.1:{self.port}/v1/AUTH_test"
            told = [("X-Storage-Url", url), ("X-Auth-Token", "token")]
            return (200, told, b"") if good else (401, [], b"")
        if environ.get("HTTP_X_AUTH_TOKEN") != "token":
            return 401, [], b""
        _, container, name = (path + "/").removeprefix("/v1/").split("/", 2)
        name = name.rstrip("/")
        if method in self.broken and name:
            return 503, [], b"out of order"
        if not name:
            return self.of_container(method, container), [], b"[]" if method == "GET" else b""
        key = f"{container}/{name}"
        if method == "PUT":
            self.objects[key] = environ["wsgi.input"].read()
            return 201, [], b""
        if method == "DELETE":
            return (204 if self.objects.pop(key, None) is not None else 404), [], b""
        return (200, [], self.objects[key]) if key in self.objects else (404, [], b"")

    def of_container(self, method: str, container: str) -> int:
        if method == "PUT":
            self.containers.add(container)
            return 201
        if method == "DELETE":
            self.containers.discard(container)
            return 204 if not self.objects else 409
        return 200


@pytest.fixture(scope="module")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def swift(host: Host) -> Iterator[SmallSwift]:
    made = SmallSwift()
    listener = host.net.listen(("127.0.0.1", 0))
    made.port = int(listener.address[1])
    acceptor = serve(listener, made, host=host, log=TestLog())
    yield made
    acceptor.drain(host.clock.monotonic() + 5)


def measured(
    host: Host,
    swift: SmallSwift,
    **changes: Any,  # noqa: ANN401  # as Wishes has them
) -> tuple[list[Figures], dict[str, int]]:
    values: dict[str, Any] = {
        "works": ("put", "get", "head", "list", "delete"), "sizes": (100,), "clients": (3,),
        "seconds": 0.1, "objects": 5, "pids": (), "keep": False,
    }  # fmt: skip
    endpoint = log_in(host, f"http://127.0.0.1:{swift.port}/auth/v1.0", "u", "testing")
    return Session(host, endpoint, "bench", Wishes(**{**values, **changes})).run()


@pytest.mark.parametrize("size", [0, 100, 3_000_000])
def test_everything_is_measured_and_nothing_is_left(
    host: Host, swift: SmallSwift, size: int
) -> None:
    figures, leftovers = measured(host, swift, sizes=(size,), pids=(host.process.pid,))
    assert [one.work for one in figures] == ["put", "get", "head", "list", "delete"]
    for one in figures:
        assert one.errors == {}
        assert one.requests > 0
        assert one.latency_ms["p50"] <= one.latency_ms["max"]
        assert one.cpu_s is not None
    assert figures[0].body_bytes == figures[0].requests * size
    assert figures[1].body_bytes == figures[1].requests * size
    assert leftovers == {}
    assert (swift.objects, swift.containers) == ({}, set())
    assert swift.seen["GET"] >= figures[1].requests + figures[3].requests


def test_errors_are_counted_and_told(host: Host, swift: SmallSwift) -> None:
    swift.broken = {"HEAD"}
    figures, _ = measured(host, swift, works=("head",))
    assert list(figures[0].errors) == ["HEAD answered 503"]
    assert (figures[0].requests, figures[0].latency_ms) == (0, {})
    swift.broken = {"PUT"}
    with pytest.raises(BenchError, match="Seeding went wrong"):
        measured(host, swift, works=("get",))
    assert swift.containers == set()


def test_deletions_end_with_the_objects(host: Host, swift: SmallSwift) -> None:
    figures, _ = measured(host, swift, works=("delete",), seconds=60.0, objects=7)
    assert figures[0].requests == 7


def test_what_is_kept_stays(host: Host, swift: SmallSwift) -> None:
    measured(host, swift, works=("get",), keep=True)
    assert len(swift.objects) == 5


def test_wrong_endpoints_are_refused_in_a_sentence(host: Host, swift: SmallSwift) -> None:
    auth = f"http://127.0.0.1:{swift.port}/auth/v1.0"
    with pytest.raises(BenchError, match="answered 401"):
        log_in(host, auth, "u", "wrong")
    with pytest.raises(BenchError, match="TLS"):
        given("https://example.org/v1/a", "t")
    listener = host.net.listen(("127.0.0.1", 0))
    listener.close()
    with pytest.raises(BenchError, match="no connection"):
        log_in(host, f"http://127.0.0.1:{listener.address[1]}/", "u", "k")


def test_wrong_usage_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments in (["--works", "fly"], ["--sizes", "big"], ["--clients", "0"]):
        with pytest.raises(SystemExit) as ended:
            main(["bench", *arguments])
        assert ended.value.code == 2


def test_the_command_writes_figures_and_plot(
    host: Host, swift: SmallSwift, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([
        "bench", "--auth", f"http://127.0.0.1:{swift.port}/auth/v1.0", "--user", "u", "--key",
        "testing", "--seconds", "0.05", "--works", "get", "--json", str(tmp_path / "f.json"),
        "--plot", str(tmp_path / "p.svg"),
    ])  # fmt: skip
    assert code == 0
    assert "get 1K ×16" in capsys.readouterr().out
    (found,) = json.loads((tmp_path / "f.json").read_text())["figures"]
    assert found["errors"] == {}
    assert (tmp_path / "p.svg").read_text().startswith("<svg")
