from __future__ import annotations

import pickle

from swiftlite.formats.partition_digests import Claim, decode_comparison, encode_claims
from swiftlite.formats.suffix_hashes import decode_replicate_answer, partition_digest
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


def test_many_partitions_are_compared_at_once(server: Server) -> None:
    server.put()
    server.put(path="/sda1/8/a/c/o")
    digest = partition_digest(server.app.context.manager.suffix_hashes("sda1", 7, 0).hashes)
    assert digest is not None
    claims = [Claim("sda1", 7, digest), Claim("sda1", 8, digest), Claim("sda1", 9, digest)]
    gone = Claim("nowhere", 7, digest)
    answer = server.ask(
        "REPLICATE", "/sda1/7", body=encode_claims([*claims, gone]), X_Backend_Swiftlite="digests"
    )
    assert answer.headers["x-backend-swiftlite"] == "digests"
    found = decode_comparison(answer.body)
    assert found.same == {0, 1}  # the same object lies in both
    assert found.differ == {2: {}}  # made for what will be pushed
    server.put(at=after(1))
    answer = server.ask(
        "REPLICATE", "/sda1/7", body=encode_claims(claims), X_Backend_Swiftlite="digests"
    )
    found = decode_comparison(answer.body)
    assert found.same == {1}
    assert found.differ[0] == hashes(server)


def test_a_peer_that_does_not_ask_for_it_gets_the_plain_answer(server: Server) -> None:
    server.put()
    answer = server.ask("REPLICATE", "/sda1/7", X_Backend_Swiftlite="digests")
    assert "x-backend-swiftlite" not in answer.headers
    assert list(decode_replicate_answer(answer.body)) == [SUFFIX]


def test_pushed_files_are_made_durable_for_a_pusher_who_will_let_go(server: Server) -> None:
    server.put()
    answer = server.ask("REPLICATE", f"/sda1/7/{SUFFIX}", X_Backend_Swiftlite="settle")
    assert answer.headers["x-backend-swiftlite"] == "settle"


def test_bad_claims(server: Server) -> None:
    answer = server.ask("REPLICATE", "/sda1/7", body=b"x", X_Backend_Swiftlite="digests")
    assert answer.status == 400
