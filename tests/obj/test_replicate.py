from __future__ import annotations

import pickle

from swiftlite.formats.suffix_hashes import decode_replicate_answer
from tests.obj.servers import HASH_PATH, Server, after

SUFFIX = HASH_PATH.hex("a", "c", "o")[-3:]


def hashes(server: Server) -> dict[str, object]:
    answer = server.ask("REPLICATE", "/sda1/7")
    assert answer.status == 200
    assert answer.body.startswith(b"\x80\x02")  # a pickle of protocol 2, as peers expect
    return dict(decode_replicate_answer(answer.body))


def test_hashes_of_a_partition(server: Server) -> None:
    assert hashes(server) == {}
    server.put()
    first = hashes(server)
    assert list(first) == [SUFFIX]
    server.ask("POST", at=after(1))
    assert hashes(server) != first


def test_marking_suffixes(server: Server) -> None:
    server.put()
    hashes(server)
    server.data_path().unlink()
    answer = server.ask("REPLICATE", f"/sda1/7/{SUFFIX}-abc")
    assert answer.status == 200
    assert pickle.loads(answer.body) is None
    assert hashes(server) == {}


def test_bad_requests(server: Server) -> None:
    assert server.ask("REPLICATE", "/sda1/7/xyz").status == 400
    assert server.ask("REPLICATE", "/sda1/x").status == 400
    assert server.ask("REPLICATE", "/sda1").status == 400
    assert server.ask("REPLICATE", "/nowhere/7").status == 507
