"""What is kept has bounds, and goes in the order in which it was used."""

from domain.kept import Kept


def test_what_was_not_used_for_the_longest_time_makes_way():
    kept = Kept[str, int](10)
    for number, key in enumerate("abc"):
        kept.put(key, number, 3)

    assert kept.get("a") == 0
    kept.put("d", 3, 4)

    assert [key for key in "abcd" if key in kept] == ["a", "c", "d"]
    assert kept.get("b") is None
    assert (len(kept), kept.values()) == (3, [2, 0, 3])


def test_a_value_that_has_grown_counts_anew():
    kept = Kept[str, int](10)
    kept.put("a", 1, 3)
    kept.put("b", 2, 3)
    kept.put("a", 3, 7)
    assert kept.values() == [2, 3]

    kept.put("a", 4, 8)
    assert kept.values() == [4]


def test_what_there_is_no_room_for_drives_nothing_out():
    kept = Kept[str, int](10)
    kept.put("a", 1, 10)
    kept.put("b", 2, 11)

    assert kept.values() == [1]
