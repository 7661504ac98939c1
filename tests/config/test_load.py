"""Conf files become typed tables, and what is wrong with one is said in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from swiftlite.config.load import ConfError, options, parse_conf, read_conf, unknown_keys
from swiftlite.config.option import Bytes, Seconds, opt
from swiftlite.config.units import Reserve, parse_auto_int, parse_reserve


@dataclass(frozen=True, slots=True)
class SampleOptions:
    SECTION = "app:sample-server"
    workers: int | None = opt(None, "Processes.", parse=parse_auto_int, shown="auto")
    interval: Seconds = opt(30.0, "Pause.", minimum=0, aliases=("run_pause",))
    chunk: Bytes = opt(65536, "Block size.", minimum=1, maximum=1 << 30)
    mount_check: bool = opt(True, "Refuse what is not mounted.")
    mode: str = opt("fast", "How.", choices=("fast", "slow"))
    names: tuple[str, ...] = opt(("a", "b"), "Names.")
    others: list[str] = opt([], "Other names.")
    reserve: Reserve = opt(Reserve(percent=1), "Room to keep.", parse=parse_reserve)


WHERE = "/etc/x.conf [app:sample-server]"


def test_defaults_need_no_conf() -> None:
    made = options(SampleOptions, {}, where=WHERE)
    assert (made.workers, made.interval, made.chunk, made.mount_check) == (None, 30.0, 65536, True)
    assert (made.mode, made.names, made.others) == ("fast", ("a", "b"), [])
    assert made.reserve.of(1000) == 10


def test_text_becomes_typed_values() -> None:
    text = {"workers": "4", "run_pause": "1.5", "chunk": "1M", "mount_check": " Off "}
    made = options(
        SampleOptions, {**text, "mode": "slow", "names": " x,, y ", "reserve": "5G"}, where=WHERE
    )
    assert (made.workers, made.interval, made.chunk, made.mount_check) == (4, 1.5, 1 << 20, False)
    assert (made.mode, made.names, made.reserve) == ("slow", ("x", "y"), Reserve(bytes=5 << 30))


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("interval", "soon", "interval = 'soon' must be a number."),
        ("interval", "nan", "interval = 'nan' must be a number."),
        ("interval", "-1", "interval = '-1' must be at least 0."),
        ("run_pause", "-1", "run_pause = '-1' must be at least 0."),
        ("chunk", "2G", "chunk = '2G' must be at most 1073741824."),
        ("chunk", "big", "chunk = 'big' must be a number of bytes, such as 65536, 64K or 10M."),
        ("chunk", "-1", "chunk = '-1' must be at least 1."),
        ("chunk", "1.5", "chunk = '1.5' must be a whole number of bytes."),
        ("mount_check", "maybe", "must be true or false"),
        ("workers", "many", "workers = 'many' must be a whole number, or auto."),
        ("mode", "medium", "mode = 'medium' must be one of fast, slow."),
        ("reserve", "101%", "reserve = '101%' must be between 0% and 100%."),
    ],
)
def test_a_bad_value_is_named_with_its_place(key: str, text: str, said: str) -> None:
    with pytest.raises(ConfError) as caught:
        options(SampleOptions, {key: text}, where=WHERE)
    assert str(caught.value).startswith(WHERE + ": ")
    assert said in str(caught.value)


def test_unknown_keys_come_with_the_nearest_known_one() -> None:
    mapping = {"use": "egg:swift#x", "intervall": "3", "xyzzy": "1", "chunk": "1", "set a": "b"}
    found = unknown_keys(SampleOptions, mapping, known=("bind_ip",))
    assert found == [("intervall", "interval"), ("xyzzy", None)]
    assert unknown_keys(SampleOptions, {"bind_ip": "::"}, known=("bind_ip",)) == []


def test_default_reaches_every_section_and_percent_is_plain(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text("[DEFAULT]\nuser = swift\nmode = slow\n[app:x]\nmode = fast\nUpper = 10%\n")
    conf = read_conf(str(file))
    assert conf.defaults == {"user": "swift", "mode": "slow"}
    assert conf.section("app:x") == {"user": "swift", "mode": "fast", "Upper": "10%"}


def test_a_directory_is_read_in_order_of_name(tmp_path: Path) -> None:
    (tmp_path / "20.conf").write_text("[a]\nx = 2\n")
    (tmp_path / "10.conf").write_text("[a]\nx = 1\ny = 1\n")
    (tmp_path / ".hidden.conf").write_text("[a]\nx = 3\n")
    (tmp_path / "README").write_text("not ini")
    assert read_conf(str(tmp_path)).section("a") == {"x": "2", "y": "1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "f.conf, line 1: a section header such as [DEFAULT] must come first."),
        ("[a]\nx = 1\nx = 2\n", "f.conf, line 3: x is set twice in [a]."),
        ("[a]\n[b]\n[a]\n", "f.conf, line 3: there is a second section [a]."),
        ("[a]\nnonsense\n", "f.conf, line 2: neither"),
    ],
)
def test_broken_ini_text_is_located(text: str, said: str) -> None:
    with pytest.raises(ConfError) as caught:
        parse_conf("f.conf", [("f.conf", text)])
    assert str(caught.value).startswith(said)


def test_missing_files_and_sections(tmp_path: Path) -> None:
    with pytest.raises(ConfError, match=r"nope\.conf cannot be read: No such file"):
        read_conf(str(tmp_path / "nope.conf"))
    with pytest.raises(ConfError, match=r"without \*\.conf files"):
        read_conf(str(tmp_path))
    (tmp_path / "x.conf").write_bytes(b"[a]\nx = \xff\n")
    with pytest.raises(ConfError, match=r"not utf-8 text \(byte 8\)"):
        read_conf(str(tmp_path / "x.conf"))
    assert read_conf(str(tmp_path / "x.conf"), encoding="latin-1").section("a") == {"x": "ÿ"}
    conf = parse_conf("f.conf", [("f.conf", "[app:proxy-server]\n")])
    with pytest.raises(ConfError, match=r"no section \[app:proxy\] \(is \[app:proxy-server\]"):
        conf.section("app:proxy")
