from __future__ import annotations

import pytest

from swiftlite.formats.ssync_lines import LineUnreadable, Offer, Wish
from swiftlite.protocols.ssync.offer import Sending, SsyncBroken, SsyncBusy
from swiftlite.protocols.ssync.receive import Change, Local, Receiving, Tally, Turn, wish_for
from swiftlite.vocab.timestamp import Timestamp

HASH = "9d41d8cd98f00b204e9800998ecf8427"


def t(raw: int, offset: int = 0) -> Timestamp:
    return Timestamp(100_000_000 + raw, offset)


TOMB = Local(t(5))
LIVE = Local(t(5), t(5), t(5))
POSTED = Local(t(5), t(8), t(7))


@pytest.mark.parametrize(
    ("offer", "local", "wanted"),
    [
        (Offer(HASH, t(1)), None, "dm"),
        (Offer(HASH, t(5)), LIVE, ""),
        (Offer(HASH, t(4)), LIVE, ""),
        (Offer(HASH, t(6)), LIVE, "dm"),
        (Offer(HASH, t(5, 1)), LIVE, "dm"),
        (Offer(HASH, t(5), t(6)), LIVE, "m"),
        (Offer(HASH, t(5), t(7), t(6)), LIVE, "m"),
        (Offer(HASH, t(4), t(6)), LIVE, "m"),  # a POST that reached another PUT
        (Offer(HASH, t(5), t(7), t(7)), POSTED, ""),
        (Offer(HASH, t(5), t(8), t(7)), POSTED, ""),
        (Offer(HASH, t(5), t(9), t(7)), POSTED, "m"),
        (Offer(HASH, t(5), t(8), t(8)), POSTED, "m"),  # only the content type is news
        (Offer(HASH, t(6)), POSTED, "d"),  # newer data under our newer metadata
        (Offer(HASH, t(5)), TOMB, ""),
        (Offer(HASH, t(4), t(9)), TOMB, ""),  # deleted after all: the POST has nothing to change
        (Offer(HASH, t(6)), TOMB, "d"),
        (Offer(HASH, t(6), t(7)), TOMB, "dm"),
    ],
)
def test_what_is_wanted(offer: Offer, local: Local | None, wanted: str) -> None:
    wish = wish_for(offer, local)
    found = "" if wish is None else f"{'d' * wish.data}{'m' * wish.meta}"
    assert found == wanted


def test_a_sender_reads_wishes_and_the_result() -> None:
    sending = Sending()
    assert sending.receive(b"\r\n") is None
    assert sending.receive(b":MISSING_CHECK: START\r\n") is None
    assert sending.receive(f"{HASH} m\r\n".encode()) == Wish(HASH, data=False, meta=True)
    assert sending.receive(b":MISSING_CHECK: END\r\n") is None
    assert sending.wishes_are_known
    sending.receive(b":UPDATES: START\r\n")
    sending.receive(b":UPDATES: END\r\n")
    assert sending.done


@pytest.mark.parametrize(
    "lines",
    [
        [b""],
        [b":UPDATES: START"],
        [b":MISSING_CHECK: START", b""],
        [b":MISSING_CHECK: START", b":ERROR: 507 'full'"],
        [b":MISSING_CHECK: START", b":MISSING_CHECK: END", b":ERROR: 0 'no'"],
        [b":MISSING_CHECK: START", b":MISSING_CHECK: END", b":UPDATES: END"],
    ],
)
def test_a_sender_never_takes_half_a_conversation_for_a_whole_one(lines: list[bytes]) -> None:
    sending = Sending()
    for line in lines[:-1]:
        sending.receive(line)
    with pytest.raises(SsyncBroken):
        sending.receive(lines[-1])
    assert not sending.done


def test_a_receiver_reads_offers_and_changes() -> None:
    receiving = Receiving()
    assert receiving.receive(b":MISSING_CHECK: START\r\n") is None
    assert receiving.receive(f"{HASH} 0000001000.00000\r\n".encode()) == Offer(HASH, t(0))
    assert receiving.receive(b":MISSING_CHECK: END\r\n") is Turn.OFFERS_END
    receiving.receive(b":UPDATES: START\r\n")
    assert receiving.receive(b"PUT /a/c/o\r\n") is None
    assert receiving.receive(b"Content-Length: 3\r\n") is None
    change = receiving.receive(b"\r\n")
    assert change == Change("PUT", "/a/c/o", [("Content-Length", "3")], 3)
    receiving.receive(b"DELETE /a/c/p\r\n")
    receiving.receive(b"X-Timestamp: 1\r\n")
    assert receiving.receive(b"\r\n") == Change("DELETE", "/a/c/p", [("X-Timestamp", "1")], 0)
    assert receiving.receive(b":UPDATES: END\r\n") is Turn.CHANGES_END


def changing(*lines: bytes) -> None:
    receiving = Receiving()
    for line in (
        b":MISSING_CHECK: START",
        b":MISSING_CHECK: END",
        b":UPDATES: START",
        *lines,
    ):
        receiving.receive(line)


@pytest.mark.parametrize(
    "lines",
    [
        [b"PUT /a/c/o", b"\r\n"],
        [b"PUT /a/c/o", b"Content-Length: 3", b"Content-Length: 4", b"\r\n"],
        [b"PUT /a/c/o", b"Content-Length: -3", b"\r\n"],
        [b"PUT /a/c/o", b"Content-Length: 1e3", b"\r\n"],
        [b"POST /a/c/o", b"Content-Length: 3", b"\r\n"],
        [b"PUT /a/c/o", b"Content-Length: 3", b""],
        [b"PUT /a/c/o", b"no colon"],
        [b"GET /a/c/o"],
    ],
)
def test_changes_that_cannot_be_read(lines: list[bytes]) -> None:
    with pytest.raises(LineUnreadable):
        changing(*lines)


def test_a_receiver_wants_the_right_beginning() -> None:
    with pytest.raises(LineUnreadable):
        Receiving().receive(b"GET / HTTP/1.1")


def test_a_tally_is_hopeless_when_failures_are_many_and_outnumber_successes() -> None:
    tally = Tally(limit=3, ratio=1.0)
    for status in (500, 507, 404, 201):
        tally.count(status)
        assert not tally.hopeless
    tally.count(503)
    assert tally.hopeless  # 3 to 2
    tally.count(204)
    assert not tally.hopeless


def test_a_receiver_that_has_no_room_may_be_asked_again() -> None:
    with pytest.raises(SsyncBusy):
        Sending().receive(b":ERROR: 503 'busy'")
    sending = Sending()
    sending.receive(b":MISSING_CHECK: START")
    with pytest.raises(SsyncBroken) as raised:
        sending.receive(b":ERROR: 503 'busy'")
    assert not isinstance(raised.value, SsyncBusy)
