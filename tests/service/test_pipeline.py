from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from swiftlite.config.load import ConfError
from swiftlite.host import plain
from swiftlite.host.bundle import install
from swiftlite.service.internal_client import InternalClient
from swiftlite.service.pipeline import EDGE, directly, load_pipeline, ours, place_after
from tests.web.environs import Answer, make_environ

APP = "call:tests.service.paste_parts:app_factory"
FILTER = "call:tests.service.paste_parts:filter_factory"


def write(folder: Path, text: str, name: str = "test.conf") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def confs_of(path: str, **given: str) -> dict[str, Any]:
    pipeline = load_pipeline(path, given)
    answer: dict[str, Any] = json.loads(Answer(pipeline.app, make_environ()).body)
    return answer


def test_filters_run_in_the_order_they_are_written(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"""
        [pipeline:main]
        pipeline = one two app
        [filter:one]
        use = {FILTER}
        mark = 1
        [filter:two]
        use = {FILTER}
        mark = 2
        [app:app]
        use = {APP}
        """.replace("        ", ""),
    )
    environ = make_environ()
    assert Answer(load_pipeline(path).app, environ).status == 200
    assert environ["marks"] == ["1", "2"]


def test_an_option_of_a_section_wins_over_the_default(tmp_path: Path) -> None:
    path = write(
        tmp_path, f"[DEFAULT]\nworkers = 1\nuser = swift\n[app:main]\nuse = {APP}\nworkers = 2\n"
    )
    confs = confs_of(path)
    assert confs["local"] == {"workers": "2"}
    assert confs["global"]["workers"] == "1"
    assert confs["global"]["user"] == "swift"
    assert confs["global"]["__file__"] == path


def test_a_percent_sign_is_an_ordinary_character(tmp_path: Path) -> None:
    path = write(tmp_path, f"[app:main]\nuse = {APP}\nformat = %(asctime)s 1% %%\n")
    assert confs_of(path)["local"] == {"format": "%(asctime)s 1% %%"}


def test_set_changes_a_default_for_one_section(tmp_path: Path) -> None:
    path = write(tmp_path, f"[DEFAULT]\nlog_name = a\n[app:main]\nuse = {APP}\nset log_name = b\n")
    assert confs_of(path)["global"]["log_name"] == "b"


def test_given_defaults_yield_to_the_conf(tmp_path: Path) -> None:
    path = write(tmp_path, f"[DEFAULT]\nswift_dir = /mine\n[app:main]\nuse = {APP}\n")
    confs = confs_of(path, swift_dir="/etc/swift", log_name="given")
    assert confs["global"]["swift_dir"] == "/mine"
    assert confs["global"]["log_name"] == "given"


def test_a_directory_of_confs_is_one_conf(tmp_path: Path) -> None:
    folder = tmp_path / "test.conf.d"
    folder.mkdir()
    write(folder, f"[app:main]\nuse = {APP}\na = 1\nb = 1\n", "00.conf")
    write(folder, "[app:main]\nb = 2\n", "10.conf")
    assert confs_of(str(folder))["local"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pipeline:main]\npipeline = nothing\n", "nothing"),
        ("[app:main]\n", "No loader"),
        ("[app:main]\nuse = egg:no_such_egg_at_all#x\n", "no_such_egg_at_all"),
        ("[app:main]\nuse = egg:swift#no_such_app\n", "no_such_app"),
        ("[filter:x]\nuse = egg:swift#x\n", "main"),
    ],
)
def test_a_conf_that_cannot_be_loaded_is_one_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfError) as error:
        load_pipeline(path)
    assert words in str(error.value)
    assert path in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("egg:swift#proxy", "egg:swiftlite#proxy"),
        ("egg:swift", "egg:swiftlite"),
        ("egg:swift3#swift3", "egg:swift3#swift3"),
        ("egg:keystonemiddleware#auth_token", "egg:keystonemiddleware#auth_token"),
        ("tempauth", "tempauth"),
    ],
)
def test_swifts_egg_means_ours(use: str, expected: str) -> None:
    assert ours(use) == expected


def test_a_required_filter_goes_behind_the_first_place_of_those_it_follows() -> None:
    names = ["catch_errors", "proxy_logging", "memcache", "tempauth", "proxy_logging"]
    assert place_after(EDGE, names) == 3
    assert place_after(EDGE, ["tempauth"]) == 0
    assert place_after(("catch_errors",), [None, "catch_errors", None]) == 2


def test_the_sample_for_daemons_is_a_pipeline_that_they_may_use(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "etc" / "internal-client.conf-sample"
    (tmp_path / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    conf = tmp_path / "internal-client.conf"
    text = sample.read_text()
    conf.write_text(text.replace("[DEFAULT]", f"[DEFAULT]\nswift_dir = {tmp_path}", 1))
    install(plain.make_host())
    client = InternalClient.load(str(conf), "test", tries=1, pause=lambda _: None, defaults={})
    assert client is not None


class App:
    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ANN401
        return [environ["word"]]


def test_an_app_that_is_an_object_is_called_by_its_method() -> None:
    app = App()
    called = directly(app)
    assert called == app.__call__
    assert called({"word": b"w"}, None) == [b"w"]


def test_an_app_that_is_a_function_stays_what_it_is() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ANN401
        return []

    assert directly(app) is app
    assert directly(called := directly(App())) is called
