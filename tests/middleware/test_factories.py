"""Every filter loads from a conf as operators write it, by paste.deploy, in Swift's order."""

from __future__ import annotations

from collections.abc import Iterator
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from swiftlite.config.load import ConfError
from swiftlite.host import bundle, plain
from swiftlite.middleware.factory import FilterConf
from swiftlite.web.info_registry import facts, forget
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ

IN_SETUP = ConfigParser()
IN_SETUP.read(Path(__file__).parents[2] / "setup.cfg")


def filters() -> list[tuple[str, str]]:
    """Names and factories of setup.cfg, which may be ahead of what is installed."""
    lines = IN_SETUP["options.entry_points"]["paste.filter_factory"].split("\n")
    pairs = [tuple(part.strip() for part in line.split("=")) for line in lines if "=" in line]
    return [(name, target) for name, target in pairs if target.startswith("swiftlite.middleware")]


@pytest.fixture
def swift_dir(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    bundle.install(plain.make_host())
    yield str(tmp_path)
    forget()


def factory(target: str) -> Any:  # noqa: ANN401  # a paste factory
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(("name", "target"), filters())
def test_a_filter_needs_no_option_and_passes_what_does_not_concern_it(
    name: str, target: str, swift_dir: str
) -> None:
    made = factory(target)({"swift_dir": swift_dir, "__file__": "proxy.conf"})
    app = Canned(200, [("Content-Length", "3"), ("Content-Type", "x/y")], [b"abc"])
    environ = make_environ("GET", "/v1/AUTH_a/c/o", Host="127.0.0.1")
    environ["REMOTE_ADDR"] = "127.0.0.1"
    answer = Answer(made(app), environ)
    assert (answer.status, answer.body) == (200, b"abc"), name


@pytest.mark.parametrize(("name", "target"), filters())
def test_an_unknown_option_is_told_and_not_fatal(
    name: str, target: str, swift_dir: str, capfd: pytest.CaptureFixture[str]
) -> None:
    factory(target)({"swift_dir": swift_dir, "__file__": "proxy.conf"}, nonsensical="1")
    assert "no option is called nonsensical" in capfd.readouterr().err, name


def test_what_a_client_may_learn_is_registered(swift_dir: str) -> None:
    for _name, target in filters():
        factory(target)({"swift_dir": swift_dir})
    told = facts()
    assert told["tempauth"] == {"account_acls": True}
    assert told["slo"]["max_manifest_segments"] == 1000
    assert told["slo"]["max_manifest_size"] == 8_388_608
    assert told["slo"]["min_segment_size"] == 1


def test_a_wrong_value_names_its_place(swift_dir: str) -> None:
    slo = factory("swiftlite.middleware.slo:filter_factory")
    with pytest.raises(ConfError, match=r"proxy.conf \[filter:slo\]: concurrency = '0'"):
        slo({"swift_dir": swift_dir, "__file__": "proxy.conf"}, concurrency="0")


def test_cache_servers_may_stand_in_a_file_of_their_own(swift_dir: str) -> None:
    from swiftlite.memcache import MemcacheClient, MemoryCache
    from swiftlite.middleware.memcache import filter_factory

    def cache(**conf: str) -> Any:  # noqa: ANN401  # either kind of cache
        environ = make_environ()
        Answer(filter_factory({"swift_dir": swift_dir}, **conf)(Canned()), environ)
        return environ["swift.cache"]

    assert isinstance(cache(), MemoryCache)
    assert isinstance(cache(memcache_servers="127.0.0.1:11211"), MemcacheClient)
    Path(swift_dir, "memcache.conf").write_text("[memcache]\nmemcache_servers = 127.0.0.1:1\n")
    assert isinstance(cache(), MemcacheClient)


def test_access_lines_may_go_elsewhere_than_other_lines(swift_dir: str, tmp_path: Path) -> None:
    from swiftlite.middleware.proxy_logging import filter_factory

    target = tmp_path / "access.log"
    conf = {"swift_dir": swift_dir, "log_name": "mine"}
    made = filter_factory(conf, access_log_file=str(target), access_log_name="access")
    environ = make_environ("GET", "/v1/a")
    Answer(made(Canned(204)), environ)
    assert " access: " in target.read_text()
    assert " GET /v1/a " in target.read_text()


def test_sections_say_which_keys_they_do_not_know() -> None:
    conf = FilterConf("filter:x", {"__file__": "f"}, {"a": "1"})
    assert conf.where == "f [filter:x]"
