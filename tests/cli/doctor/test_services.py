"""The commands for servers, by whoever looks after them; and those that change a conf."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from swiftlite.cli.doctor import editing
from swiftlite.cli.doctor.services import Services, fetch, send
from swiftlite.config.load import DEFAULT, read_conf

PLAIN, FIRST = Path("/etc/swift/object-server.conf"), Path("/etc/swift/object-server/1.conf")


def test_by_systemd() -> None:
    services = Services(by_systemd=True)
    assert services.start("object-server", conf=PLAIN) == "systemctl start swiftlite-object-server"
    assert services.restart("object-server", "object-updater", conf=FIRST) == (
        "systemctl restart swiftlite-object-server@1 swiftlite-object-updater@1"
    )
    assert services.renew("proxy-server") == "systemctl reload-or-restart swiftlite-proxy-server"


def test_by_swiftlite_init() -> None:
    services = Services(by_systemd=False)
    assert services.start("object-server", conf=PLAIN) == "swiftlite-init object-server start"
    assert services.restart("object-server", "object-updater", conf=FIRST) == (
        "swiftlite-init object-server.1 object-updater.1 restart --kill-after-timeout"
    )
    assert services.renew("object-server", "object-updater", conf=PLAIN) == (
        "swiftlite-init object-server reload-seamless && swiftlite-init object-updater restart"
    )
    elsewhere = Services(by_systemd=False, swift_dir="/srv/etc")
    conf = Path("/srv/etc/object-server.conf")
    assert elsewhere.start("object-server", conf=conf) == (
        "swiftlite-init object-server start --swift-dir /srv/etc"
    )


def test_files_from_and_to_others() -> None:
    assert fetch("10.0.0.2", "/etc/x") == "rsync -aI 10.0.0.2:/etc/x /etc/x"
    assert send(["10.0.0.2"], "/etc/x") == "rsync -aI /etc/x 10.0.0.2:/etc/x"
    assert send(["a", "b"], "/x") == "for node in a b; do rsync -aI /x $node:/x; done"


CONF = """\
[DEFAULT]
# bind_ip = 127.0.0.1
bind_port=1
[app:x]
use = y
bind_port = 2
[filter:bind_port]
"""


@pytest.mark.parametrize(
    ("header", "key", "value"),
    [
        (DEFAULT, "bind_port", "3"),
        (DEFAULT, "bind_ip", "::1"),
        ("app:x", "bind_port", "3"),
        ("app:x", "new", r"a|b & c\d"),
        ("app:x", "use", r"a|b & c\d"),
        ("absent", "key", "it's"),
    ],
)
def test_an_option_is_set_in_its_section_and_nowhere_else(
    tmp_path: Path, header: str, key: str, value: str
) -> None:
    conf = tmp_path / "x.conf"
    conf.write_text(CONF)
    before = _told(conf)
    subprocess.run(["bash", "-c", editing.set_option(conf, header, key, value)], check=True)
    assert _told(conf) == before | {(header, key): value}


def test_in_a_directory_of_confs_the_last_one_that_has_it_is_changed(tmp_path: Path) -> None:
    (tmp_path / "0.conf").write_text(CONF)
    (tmp_path / "1.conf").write_text("[DEFAULT]\nbind_port = 7\n")
    command = editing.set_option(tmp_path, DEFAULT, "bind_port", "8")
    subprocess.run(["bash", "-c", command], check=True)
    assert read_conf(str(tmp_path)).defaults["bind_port"] == "8"
    assert (tmp_path / "0.conf").read_text() == CONF


def test_an_option_is_renamed_or_taken_out_where_the_other_is_there(tmp_path: Path) -> None:
    conf = tmp_path / "x.conf"
    conf.write_text("[DEFAULT]\nbnd_ip = a\n[app:x]\nbnd_ip = b\nbind_ip = c\n")
    for header in (DEFAULT, "app:x"):
        command = editing.rename_option(conf, header, "bnd_ip", "bind_ip")
        subprocess.run(["bash", "-c", command], check=True)
    assert conf.read_text() == ("[DEFAULT]\nbind_ip = a\n[app:x]\n# bnd_ip = b\nbind_ip = c\n")


def _told(conf: Path) -> dict[tuple[str, str], str]:
    """What is written, section by section, without what [DEFAULT] gives to all."""
    found = {}
    header = ""
    for line in conf.read_text().splitlines():
        if line.startswith("["):
            header = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[header, key.strip()] = value.strip()
    return found
