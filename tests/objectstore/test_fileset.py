"""The rules of a hash dir, as a table and as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats.ondisk_names import data_name, meta_name, tombstone_name
from swiftlite.formats.suffix_hashes import replicated_suffix_hash
from swiftlite.objectstore.fileset import EMPTY, Fileset, choose
from swiftlite.vocab.timestamp import ZERO, Timestamp

BASE = 170_000_000_000_000


def at(moment: int) -> Timestamp:
    return Timestamp(BASE + moment)


def d(moment: int) -> str:
    return data_name(at(moment))


def t(moment: int) -> str:
    return tombstone_name(at(moment))


def m(moment: int, content_type: int | None = None) -> str:
    return meta_name(at(moment), None if content_type is None else at(content_type))


# names, then: data, meta, content type, tombstone, obsolete, stray
TABLE = [
    ([], None, None, None, None, [], []),
    ([d(1)], d(1), None, None, None, [], []),
    ([t(1)], None, None, None, t(1), [], []),
    ([d(1), d(2)], d(2), None, None, None, [d(1)], []),
    ([d(1), t(2)], None, None, None, t(2), [d(1)], []),
    ([d(2), t(1)], d(2), None, None, None, [t(1)], []),
    ([d(1), t(1)], None, None, None, t(1), [d(1)], []),
    ([t(1), t(2)], None, None, None, t(2), [t(1)], []),
    ([d(1), m(2)], d(1), m(2), None, None, [], []),
    ([d(1), m(2), m(3)], d(1), m(3), None, None, [m(2)], []),
    ([d(2), m(1)], d(2), None, None, None, [m(1)], []),
    ([d(2), m(2)], d(2), None, None, None, [m(2)], []),
    ([d(1), m(2, 2)], d(1), m(2, 2), m(2, 2), None, [], []),
    ([d(1), m(2, 1)], d(1), m(2, 1), None, None, [], []),
    ([d(1), m(2, 2), m(3)], d(1), m(3), m(2, 2), None, [], []),
    ([d(1), m(2, 2), m(3, 2)], d(1), m(3, 2), m(3, 2), None, [m(2, 2)], []),
    ([d(1), m(2, 2), m(3), m(4)], d(1), m(4), m(2, 2), None, [m(3)], []),
    ([d(1), m(3, 2), m(3, 3)], d(1), m(3, 3), m(3, 3), None, [m(3, 2)], []),
    ([m(2)], None, None, None, None, [], [m(2)]),
    ([t(1), m(2)], None, None, None, t(1), [], [m(2)]),
    ([t(3), m(2), d(1)], None, None, None, t(3), [d(1), m(2)], []),
    ([d(1), ".x.data.a1B2c3", "junk"], d(1), None, None, None, [], []),
    ([d(1), "1700000000.00000#2.data"], d(1), None, None, None, [], []),
]


@pytest.mark.parametrize(
    ("names", "data", "meta", "content_type", "tombstone", "obsolete", "stray"), TABLE
)
def test_table(
    names: list[str],
    data: str | None,
    meta: str | None,
    content_type: str | None,
    tombstone: str | None,
    obsolete: list[str],
    stray: list[str],
) -> None:
    found = choose(names)
    chosen = (found.data, found.meta, found.content_type, found.tombstone)
    assert [file and file.name for file in chosen] == [data, meta, content_type, tombstone]
    assert sorted(found.obsolete) == sorted(obsolete)
    assert sorted(file.name for file in found.stray) == sorted(stray)


def test_an_offset_orders_behind_its_timestamp() -> None:
    plain, later = data_name(at(1)), data_name(Timestamp(BASE + 1, 1))
    found = choose([later, plain])
    assert found.data is not None
    assert found.data.name == later
    assert found.obsolete == (plain,)


def test_two_spellings_of_one_moment_leave_one_file() -> None:
    found = choose(["1700000000.5.data", "1700000000.50000.data"])
    assert found.data is not None
    assert len(found.obsolete) == 1
    assert found.obsolete[0] != found.data.name


def test_nothing_at_all_has_no_time() -> None:
    assert choose([]) == EMPTY
    assert EMPTY.timestamp == EMPTY.data_timestamp == ZERO


def test_suffix_hash_of_known_filesets() -> None:
    """Digests computed by OpenStack Swift 2.38 for the same names."""
    hashed = [choose(names).hashed() for names in ([d(1)], [t(2)], [d(1), m(2, 2), m(3)])]
    assert replicated_suffix_hash(hashed) == replicated_suffix_hash(iter(hashed))
    assert len({replicated_suffix_hash([one]) for one in hashed}) == 3


moments = st.integers(min_value=0, max_value=6)
names = st.lists(
    st.one_of(
        moments.map(d),
        moments.map(t),
        moments.map(m),
        st.tuples(moments, moments).map(lambda pair: m(*pair)),
        st.sampled_from([".1700000000.00000.data.Xy095a", "stranger", "x.data"]),
    ),
    max_size=8,
    unique=True,
)


def used(found: Fileset) -> set[str]:
    return {file.name for file in found.in_use()}


@given(names)
def test_every_name_has_exactly_one_fate(listing: list[str]) -> None:
    found = choose(listing)
    fates = [*found.obsolete, *found.strangers, *(file.name for file in found.stray), *used(found)]
    assert sorted(fates) == sorted(listing)


@given(names, st.randoms(use_true_random=False))
def test_order_of_listing_does_not_matter(listing: list[str], random: object) -> None:
    shuffled = list(listing)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert used(choose(shuffled)) == used(choose(listing))
    assert choose(shuffled).hashed() == choose(listing).hashed()


@given(names)
def test_removing_what_is_obsolete_changes_nothing(listing: list[str]) -> None:
    found = choose(listing)
    kept = choose([name for name in listing if name not in found.obsolete])
    assert used(kept) == used(found)
    assert kept.obsolete == ()
    assert kept.hashed() == found.hashed()


@given(names)
def test_removing_obsolete_files_one_by_one_never_uncovers_an_older_state(
    listing: list[str],
) -> None:
    """A cut between two unlinks leaves such a subset."""
    found = choose(listing)
    left = list(listing)
    for name in found.obsolete:
        left.remove(name)
        assert used(choose(left)) == used(found)


@given(names)
def test_data_and_tombstone_exclude_each_other(listing: list[str]) -> None:
    found = choose(listing)
    assert found.data is None or found.tombstone is None
    assert found.meta is None or found.data is not None


@given(names, names)
def test_replicas_that_exchange_files_agree(one: list[str], other: list[str]) -> None:
    """Whatever order two nodes saw, and whatever they removed before, they end alike."""

    def settle(listing: set[str]) -> set[str]:
        return listing - set(choose(listing).obsolete)

    here, there = settle(set(one)), settle(set(other))
    both = settle(here | there)
    assert used(choose(both)) == used(choose(settle(there | here)))
    assert choose(both).data_timestamp >= choose(one).data_timestamp
