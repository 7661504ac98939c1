"""The receiver of SSYNC, spoken to as a sender does."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from swiftlite.config.units import Reserve
from swiftlite.formats.ssync_lines import Offer, encode_change, encode_offer
from swiftlite.host.bundle import Host
from swiftlite.objectstore.attributes import read_blocks
from swiftlite.objectstore.diskfile import OpenObject
from swiftlite.objectstore.locks import device_place, replication_lock
from swiftlite.vocab.errors import ClientGone
from swiftlite.vocab.timestamp import Timestamp
from tests.obj.servers import HASH_PATH, NOW, Server, after

HASH = HASH_PATH.hex("a", "c", "o")
HELLO = hashlib.md5(b"hello").hexdigest()


def offering(*offers: Offer) -> bytes:
    lines = [b":MISSING_CHECK: START", *map(encode_offer, offers), b":MISSING_CHECK: END", b""]
    return b"\r\n".join(lines)


def updating(*changes: bytes) -> bytes:
    return b":UPDATES: START\r\n" + b"".join(changes) + b":UPDATES: END\r\n"


def put(body: bytes = b"hello", at: Timestamp = NOW, name: str = "/a/c/o", **more: str) -> bytes:
    headers = {
        "Content-Length": str(len(body)),
        "Content-Type": "text/plain",
        "ETag": hashlib.md5(body).hexdigest(),
        "X-Timestamp": at.internal,
        **{key.replace("_", "-"): value for key, value in more.items()},
    }
    return encode_change("PUT", name, headers.items()) + body


def talk(server: Server, said: bytes) -> list[bytes]:
    """The receiver's lines, all but the empty ones."""
    answer = server.ask("SSYNC", "/sda1/7", at=None, body=said)
    assert answer.status == 200
    assert answer.headers["x-backend-accept-no-commit"] == "True"
    return [line for line in answer.body.split(b"\r\n") if line]


WANTS_BOTH = [b":MISSING_CHECK: START", f"{HASH} dm".encode(), b":MISSING_CHECK: END"]
WANTS_NOTHING = [b":MISSING_CHECK: START", b":MISSING_CHECK: END"]
DONE = [b":UPDATES: START", b":UPDATES: END"]


def test_what_is_missing_is_wanted_and_taken(server: Server) -> None:
    offer = Offer(HASH, NOW)
    change = put(X_Object_Meta_Color="blaü", X_Object_Sysmeta_S="s", X_Odd="kept")
    assert talk(server, offering(offer) + updating(change)) == WANTS_BOTH + DONE
    assert server.ask("GET").body == b"hello"
    found = server.diskfile().open(NOW)
    assert isinstance(found, OpenObject)
    found.close()
    stored = found.metadata
    assert stored["X-Object-Meta-Color"] == "blaü"
    assert stored["X-Object-Sysmeta-S"] == "s"
    assert stored["X-Odd"] == "kept"  # no option of this server allows it: the peer has it
    assert stored["ETag"] == HELLO
    assert "Etag" not in stored
    assert talk(server, offering(offer) + updating()) == WANTS_NOTHING + DONE


def test_block_checksums_are_those_of_what_came(server: Server) -> None:
    talk(server, offering(Offer(HASH, NOW)) + updating(put()))
    disk = server.host.disk
    fd = disk.open(str(server.data_path()))
    blocks = read_blocks(disk, fd, 5)
    disk.close(fd)
    assert blocks is not None
    assert blocks.verify(0, b"hello")


def test_a_post_comes_alone(server: Server) -> None:
    server.put()
    offer = Offer(HASH, NOW, after(1), after(1))
    post = encode_change(
        "POST",
        "/a/c/o",
        [
            ("X-Timestamp", after(1).internal),
            ("X-Object-Meta-New", "1"),
            ("Content-Type", "new/type"),
            ("Content-Type-Timestamp", after(1).internal),
        ],
    )
    wants = [b":MISSING_CHECK: START", f"{HASH} m".encode(), b":MISSING_CHECK: END"]
    assert talk(server, offering(offer) + updating(post)) == wants + DONE
    assert server.files() == [f"{NOW.internal}.data", f"{after(1).internal}+0.meta"]
    assert server.ask("GET").headers["content-type"] == "new/type"
    assert talk(server, offering(offer) + updating()) == WANTS_NOTHING + DONE


def test_changes_of_one_object_keep_their_order(server: Server) -> None:
    changes = [put(b"%d" % number, after(number)) for number in range(12)]
    post = encode_change(
        "POST", "/a/c/o", [("X-Timestamp", after(20).internal), ("X-Object-Meta-A", "1")]
    )
    assert talk(server, offering() + updating(*changes, post))[-2:] == DONE
    answer = server.ask("GET")
    assert answer.body == b"11"
    assert answer.headers["x-object-meta-a"] == "1"


def test_many_small_objects_and_a_large_one_between_them(server: Server) -> None:
    bodies = {f"/a/c/p{number}": b"%d" % number * 10 for number in range(30)}
    bodies["/a/c/p15"] = b"large" * 100_000
    changes = [put(body, name=name) for name, body in bodies.items()]
    assert talk(server, offering() + updating(*changes))[-2:] == DONE
    for name, body in bodies.items():
        assert server.ask("GET", f"/sda1/7{name}").body == body


def test_a_deletion_arrives_and_an_older_object_does_not_come_back(server: Server) -> None:
    server.put()
    delete = encode_change("DELETE", "/a/c/o", [("X-Timestamp", after(1).internal)])
    assert talk(server, offering(Offer(HASH, after(1))) + updating(delete))[-2:] == DONE
    assert server.files() == [f"{after(1).internal}.ts"]
    assert talk(server, offering(Offer(HASH, NOW)) + updating()) == WANTS_NOTHING + DONE


def test_a_deletion_of_what_was_never_here_leaves_its_tombstone(server: Server) -> None:
    delete = encode_change("DELETE", "/a/c/o", [("X-Timestamp", after(1).internal)])
    assert talk(server, offering(Offer(HASH, after(1))) + updating(delete)) == WANTS_BOTH + DONE
    assert server.files() == [f"{after(1).internal}.ts"]


def test_an_expired_object_comes_as_it_is(server: Server) -> None:
    change = put(X_Delete_At="1")
    assert talk(server, offering(Offer(HASH, NOW)) + updating(change))[-2:] == DONE
    assert talk(server, offering(Offer(HASH, NOW)) + updating()) == WANTS_NOTHING + DONE


def test_a_body_that_is_not_what_was_meant_is_refused_and_the_rest_taken(server: Server) -> None:
    wrong = put(b"hellO", ETag=HELLO)
    other = put(b"other", name="/a/c/p")
    said = talk(server, offering(Offer(HASH, NOW)) + updating(wrong, other))
    assert said[:3] == WANTS_BOTH
    assert said[3].startswith(b":ERROR: 500")
    assert server.files() == []
    assert server.ask("GET", "/sda1/7/a/c/p").body == b"other"


def test_a_conversation_is_given_up_when_all_fails(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, replication_failure_threshold=2)
    wrong = [put(b"hellO", ETag=HELLO, name=f"/a/c/{n}") for n in range(20)]
    last = put(b"other", name="/a/c/last")
    said = talk(server, offering() + updating(*wrong, last))
    assert said[-1].startswith(b":ERROR: 500 ")
    assert server.ask("GET", "/sda1/7/a/c/last").status == 404


class Breaking(io.BytesIO):
    """A peer that goes away."""

    def readinto(self, view: object, /) -> int:
        count = super().readinto(view)  # type: ignore[arg-type]
        if not count:
            raise ClientGone("gone")
        return count


def test_a_peer_that_leaves_in_mid_body_leaves_nothing(server: Server) -> None:
    said = offering(Offer(HASH, NOW)) + b":UPDATES: START\r\n" + put()[:-2]
    answer = server.ask("SSYNC", "/sda1/7", at=None, body=said, stream=Breaking(said))
    assert b":UPDATES: END" not in answer.body
    assert server.files() == []
    with replication_lock(server.host.disk, str(server.root / "sda1/objects/7"), 0):
        pass  # let go of


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b":MISSING_CHECK: START\r\nnonsense\r\n",
        b":MISSING_CHECK: START\r\n" + b"x" * 100_000,
        offering() + b"nonsense\r\n",
        offering() + b":UPDATES: START\r\nGET /a/c/o\r\n\r\n",
        offering() + b":UPDATES: START\r\nPUT /a/c/o\r\n\r\n",
        b"",
    ],
)
def test_nonsense_ends_in_an_error_line(server: Server, said: bytes) -> None:
    assert talk(server, said)[-1].startswith(b":ERROR: 0 ")


def test_who_comes_while_another_is_there_is_sent_away(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, replication_lock_timeout=0.0)
    (tmp_path / "sda1/objects/7").mkdir(parents=True)
    with device_place(host.disk, str(tmp_path / "sda1"), 1):
        assert talk(server, offering())[-1].startswith(b":ERROR: 503")
    with replication_lock(host.disk, str(tmp_path / "sda1/objects/7"), 0.0):
        assert talk(server, offering())[-1].startswith(b":ERROR: 503")


def test_a_device_that_is_not_there(server: Server) -> None:
    assert server.ask("SSYNC", "/nowhere/7", at=None, body=offering()).status == 507


def test_a_full_disk_is_told(host: Host, tmp_path: Path) -> None:
    server = Server(host, tmp_path, fallocate_reserve=Reserve(percent=100.0))
    said = talk(server, offering(Offer(HASH, NOW)) + updating(put()))
    assert said[-1].startswith(b":ERROR: 500")
    assert server.files() == []
