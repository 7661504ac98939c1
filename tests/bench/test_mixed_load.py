"""The mixed load's own judgement: it must see a wrong byte and a slow leak, and nothing else."""

import random

import pytest

from tools.acceptance.mixed_bodies import PIECE_BYTES, Joined, Named, pieces
from tools.acceptance.mixed_watch import TOTAL, Sample, Use, growth, restarted, slope


def whole(content: Named | Joined) -> bytes:
    return b"".join(pieces(content))


@pytest.mark.parametrize("size", [0, 1, 5, 100, 70_000, PIECE_BYTES + 17, 3 * PIECE_BYTES])
def test_any_part_of_a_body_is_that_part_of_the_whole(size: int) -> None:
    content = Named("/c/o", "1.7", size)
    body = whole(content)
    assert len(body) == size
    chance = random.Random(size)
    for _ in range(20):
        start = chance.randrange(size + 1)
        stop = min(size, start + chance.randrange(PIECE_BYTES))
        assert content.part(start, stop) == body[start:stop]


def test_bodies_of_two_versions_differ_from_their_first_line_on() -> None:
    one, other = (whole(Named("/c/o", version, 5000)) for version in ("1.1", "1.2"))
    assert one[:100] != other[:100]
    assert one[-1000:] != other[-1000:]


def test_joined_bodies_are_their_parts_one_after_the_other() -> None:
    parts = [Named(f"/c/{n}", "1", size) for n, size in enumerate((10, 0, 5000, 300))]
    joined, body = Joined(parts), b"".join(whole(part) for part in parts)
    assert whole(joined) == body
    assert joined.part(5, 5100) == body[5:5100]


def samples(memory: list[float], pids: list[int] | None = None) -> list[Sample]:
    """One a minute, of an object server and of a daemon that stays as it is."""
    return [
        Sample(
            n * 60.0,
            {
                "object-1": Use(pids[n] if pids else 7, value, 40, 9),
                "daemons-1": Use(8, 30.0, 20, 2),
            },
        )
        for n, value in enumerate(memory)
    ]


def test_a_slow_leak_is_seen_through_a_saw() -> None:
    chance = random.Random(4)
    memory = [20 + n * 0.1 + chance.uniform(-2, 2) for n in range(60)]  # 6 MiB an hour
    faults = [one for one in growth(samples(memory), 720) if one.is_fault]
    assert [(one.process, one.what) for one in faults] == [("object-1", "MiB PSS")]
    assert faults[0].per_hour == pytest.approx(6, abs=1.5)


def test_a_level_saw_and_what_grew_during_the_warm_up_are_no_fault() -> None:
    chance = random.Random(5)
    memory = [min(20.0, 5.0 + n * 3) + chance.uniform(-2, 2) for n in range(60)]
    found = growth(samples(memory), 720)
    assert {one.process for one in found} == {TOTAL, "object-1", "daemons-1"}
    assert not [one for one in found if one.is_fault]


def test_a_server_with_another_pid_was_started_again_and_a_daemon_may_be() -> None:
    assert restarted(samples([20.0] * 3, pids=[7, 7, 9])) == ["object-1"]
    assert restarted(samples([20.0] * 3)) == []


def test_the_slope_is_not_moved_by_one_wild_sample() -> None:
    points = [(float(n), 2.0 * n) for n in range(20)]
    points[7] = (7.0, 500.0)
    assert slope(points) == pytest.approx(2.0)
