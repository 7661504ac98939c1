"""The folder of an embedded cluster: made, found again, refused. No server is started here."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftlite.cli.embedded import start as starting
from swiftlite.cli.embedded.banner import ready_text
from swiftlite.cli.embedded.confs import Front
from swiftlite.cli.embedded.create import check_xattrs, write_confs
from swiftlite.cli.embedded.layout import HOST, Layout, storage_ports
from swiftlite.cli.embedded.marker import FolderUnusable, Marker, read_marker
from swiftlite.cli.embedded.ports import claim, claim_again, claim_new
from swiftlite.cli.embedded.start import Wishes, is_loopback, start
from swiftlite.cluster import conf as cluster_conf
from swiftlite.config.load import read_conf
from swiftlite.host.os_disk import OsDisk
from swiftlite.ring import Ring
from swiftlite.service.port import port_fault


class Supervised:
    """Takes the place of the servers: notes what would have been started."""

    def __init__(self) -> None:
        self.layout: Layout | None = None
        self.marker: Marker | None = None
        self.front: Front | None = None
        self.calls = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, layout: Layout, marker: Marker, front: Front, **_: object) -> None:
        self.layout, self.marker, self.front = layout, marker, front
        self.calls += 1
        self.meanwhile()


@pytest.fixture
def supervised(monkeypatch: pytest.MonkeyPatch) -> Supervised:
    taken = Supervised()
    monkeypatch.setattr(starting, "supervise", taken)
    return taken


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wishes(root: Path, **given: object) -> Wishes:
    return Wishes(root=root, **{"port": free_port(), **given})  # type: ignore[arg-type]  # by name


def refusal(asked: Wishes) -> str:
    with pytest.raises(FolderUnusable) as error:
        start(asked)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_a_new_folder_becomes_a_cluster_that_swift_would_recognise(
    tmp_path: Path, supervised: Supervised
) -> None:
    root = tmp_path / "new" / "cluster"
    assert start(wishes(root)) == 0
    assert supervised.layout is not None
    layout = supervised.layout
    conf = cluster_conf.load(str(layout.etc))
    for kind in ("account", "container", "object"):
        ring = Ring.load(str(layout.ring(kind)), conf.hash_path)
        assert (ring.replica_count, ring.device_count) == (3, 4)
        assert {device.zone for device in ring.devices if device} == {1, 2, 3, 4}
    for node in range(1, 5):
        assert layout.device(node).is_dir()
    proxy = read_conf(str(root / "etc/proxy-server.conf"))
    assert proxy.sections["app:proxy-server"]["use"] == "egg:swiftlite#proxy"
    assert "user_test_tester" not in proxy.sections["filter:tempauth"]


def test_secrets_are_for_the_owner_alone(tmp_path: Path, supervised: Supervised) -> None:
    start(wishes(tmp_path))
    for name in ("cluster.json", "etc/proxy-server.conf", "etc/swift.conf"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name


def test_a_second_start_finds_the_same_cluster(tmp_path: Path, supervised: Supervised) -> None:
    start(wishes(tmp_path))
    first, suffix = supervised.marker, (tmp_path / "etc/swift.conf").read_text()
    start(wishes(tmp_path))
    assert supervised.calls == 2
    assert first is not None
    assert supervised.marker is not None
    assert supervised.marker.owner_key == first.owner_key
    assert (tmp_path / "etc/swift.conf").read_text() == suffix


def test_a_creation_that_was_cut_short_is_completed(tmp_path: Path, supervised: Supervised) -> None:
    start(wishes(tmp_path))
    marker = json.loads((tmp_path / "cluster.json").read_text())
    (tmp_path / "cluster.json").write_text(json.dumps({**marker, "complete": False}))
    (tmp_path / "etc/object.ring.gz").unlink()
    start(wishes(tmp_path))
    assert (tmp_path / "etc/object.ring.gz").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, supervised: Supervised) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    assert "not empty" in refusal(wishes(tmp_path))
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_a_file_is_no_folder(tmp_path: Path, supervised: Supervised) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file" in refusal(wishes(tmp_path / "file"))


def test_a_cluster_of_a_later_version_is_left_alone(tmp_path: Path, supervised: Supervised) -> None:
    (tmp_path / "cluster.json").write_text('{"format": 99}')
    assert "format 99" in refusal(wishes(tmp_path))


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', "{"])
def test_a_marker_that_makes_no_sense_is_told(
    tmp_path: Path, supervised: Supervised, text: str
) -> None:
    (tmp_path / "cluster.json").write_text(text)
    assert "cluster.json" in refusal(wishes(tmp_path))


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"devices": 5}, "--devices 4"), ({"replicas": 2}, "--replicas 3")],
)
def test_devices_and_replicas_cannot_change(
    tmp_path: Path, supervised: Supervised, changed: dict[str, int], words: str
) -> None:
    start(wishes(tmp_path))
    assert words in refusal(wishes(tmp_path, **changed))
    start(wishes(tmp_path, devices=4, replicas=3))


@pytest.mark.parametrize(
    "given",
    [{"devices": 0}, {"devices": 65}, {"replicas": 0}, {"workers": 0}, {"port": 65_536}],
)
def test_numbers_out_of_bounds(
    tmp_path: Path, supervised: Supervised, given: dict[str, int]
) -> None:
    assert "must be from" in refusal(wishes(tmp_path / "x", **given))
    assert not (tmp_path / "x").exists()


def test_more_replicas_than_devices(tmp_path: Path, supervised: Supervised) -> None:
    assert "at least 3 devices" in refusal(wishes(tmp_path / "x", devices=2, replicas=3))
    start(wishes(tmp_path / "y", devices=2))
    assert supervised.marker is not None
    assert supervised.marker.replicas == 2


def test_a_port_in_use_is_told_by_number(tmp_path: Path, supervised: Supervised) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Port {port} is in use" in refusal(wishes(tmp_path, port=port))


def test_a_storage_port_in_use_names_its_server(tmp_path: Path, supervised: Supervised) -> None:
    start(wishes(tmp_path))
    assert supervised.layout is not None
    port = storage_ports(supervised.layout.first_port, 4)[1]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, port))
        other.listen()
        assert f"Port {port}, which the container-server 1" in refusal(wishes(tmp_path))


def test_a_running_cluster_is_not_started_twice(tmp_path: Path, supervised: Supervised) -> None:
    sentences = []
    supervised.meanwhile = lambda: sentences.append(refusal(wishes(tmp_path)))
    start(wishes(tmp_path))
    assert "is running already" in sentences[0]
    assert str(os.getpid()) in sentences[0]


def test_test_users_are_for_loopback_only(tmp_path: Path, supervised: Supervised) -> None:
    asked = wishes(tmp_path / "a", test_users=True, bind_ip="0.0.0.0")
    assert "passwords everybody knows" in refusal(asked)
    start(wishes(tmp_path / "b", test_users=True))
    users = read_conf(str(tmp_path / "b/etc/proxy-server.conf")).sections["filter:tempauth"]
    assert users["user_test_tester"] == "testing .admin"
    # The next start does without them, and they are gone.
    start(wishes(tmp_path / "b", bind_ip="0.0.0.0"))
    users = read_conf(str(tmp_path / "b/etc/proxy-server.conf")).sections["filter:tempauth"]
    assert "user_test_tester" not in users


def test_a_conf_changed_by_hand_is_kept(
    tmp_path: Path, supervised: Supervised, capsys: pytest.CaptureFixture[str]
) -> None:
    start(wishes(tmp_path))
    path = tmp_path / "etc/object-server/1.conf"
    path.write_text(path.read_text() + "# mine\n")
    start(wishes(tmp_path))
    assert path.read_text().endswith("# mine\n")
    assert "etc/object-server/1.conf was changed by hand" in capsys.readouterr().err


def test_a_proxy_conf_changed_by_hand_decides_unless_the_command_line_does(
    tmp_path: Path, supervised: Supervised
) -> None:
    start(wishes(tmp_path, test_users=True))
    path = tmp_path / "etc/proxy-server.conf"
    port = free_port()
    text = "".join(
        f"bind_port = {port}\n" if line.startswith("bind_port") else line
        for line in path.read_text().splitlines(keepends=True)
    )
    path.write_text(text)
    start(Wishes(tmp_path))
    assert supervised.front is not None
    assert (supervised.front.port, supervised.front.test_users) == (port, True)
    # Its users keep it on loopback, although nobody asked for them this time.
    assert "passwords everybody knows" in refusal(wishes(tmp_path, bind_ip="0.0.0.0"))


@pytest.mark.parametrize("address", ["nonsense", "300.1.1.1", "example.org"])
def test_bind_wants_an_address(tmp_path: Path, supervised: Supervised, address: str) -> None:
    assert "IP address" in refusal(wishes(tmp_path, bind_ip=address))


def test_an_address_of_another_machine(tmp_path: Path, supervised: Supervised) -> None:
    assert "not an address of this machine" in refusal(wishes(tmp_path, bind_ip="192.0.2.1"))


def test_a_file_system_without_xattrs_is_told(tmp_path: Path) -> None:
    class NoXattrs(OsDisk):
        def setxattr(self, target: str | int, name: str, value: bytes) -> None:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    with pytest.raises(FolderUnusable, match="extended attributes"):
        check_xattrs(tmp_path, NoXattrs())
    assert os.listdir(tmp_path) == []


def test_new_clusters_take_the_first_block_of_ports_that_is_free() -> None:
    with contextlib.closing(claim_new(2, None)) as first:
        with contextlib.closing(claim_new(2, None)) as second:
            assert second.first_port != first.first_port
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((HOST, storage_ports(second.first_port, 2)[3]))
            other.listen()
            with contextlib.closing(claim_new(2, None)) as third:
                assert third.first_port not in (first.first_port, second.first_port)


def test_a_block_belongs_to_one_cluster_at_a_time() -> None:
    with contextlib.closing(claim_new(4, 31_700)):
        assert claim(31_700) is None
        with pytest.raises(FolderUnusable, match="Another cluster"):
            claim_again(31_700)
    claim_again(31_700).close()
    with pytest.raises(FolderUnusable, match="do not exist"):
        claim_new(4, 65_500)


def test_a_port_shared_with_so_reuseport_is_in_use() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((HOST, 0))
        other.listen()
        assert port_fault(HOST, other.getsockname()[1]) == "is in use by another program"


@pytest.mark.parametrize(
    ("ip", "loopback"), [("127.0.0.9", True), ("::1", True), ("0.0.0.0", False)]
)
def test_what_loopback_is(ip: str, loopback: bool) -> None:
    assert is_loopback(ip) is loopback


def test_what_is_said_when_ready(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 4, 6200)
    marker = Marker(4, 3, 10, 6200, "secret-key")
    tested = ready_text(layout, marker, Front("127.0.0.1", 8080, 2, True, "secret-key"), 1.25)
    assert "http://127.0.0.1:8080/auth/v1.0" in tested
    assert "ST_USER=test:tester ST_KEY=testing" in tested
    own = ready_text(layout, marker, Front("::", 8080, 2, False, "secret-key"), 1.25)
    assert "http://[::1]:8080" in own
    assert f". {layout.openrc}" in own
    assert "secret-key" not in own, "a terminal is no place for a secret"


def test_confs_follow_the_command_line_until_somebody_edits_them(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 1, 6200)
    layout.etc.mkdir()
    marker = Marker(1, 1, 10, 6200, "k")
    marker, kept = write_confs(layout, marker, Front(HOST, 8080, 1, False, "k"))
    assert kept == []
    marker, kept = write_confs(layout, marker, Front(HOST, 8081, 1, False, "k"))
    assert kept == []
    assert read_conf(str(layout.etc / "proxy-server.conf")).defaults["bind_port"] == "8081"
    assert read_marker(tmp_path) == marker
