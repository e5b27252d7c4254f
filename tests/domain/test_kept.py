"""What is kept has bounds, was made more than once, and goes in the order in which it was used."""

import sys

from domain.kept import MARKS, Doorkeeper, Kept


def holding(room: int, **sizes: int) -> Kept[str, int]:
    """What keeps values of these sizes, each of which was made before; the value is the size."""
    kept = Kept[str, int](room)
    for name, size in sizes.items():
        kept.put(name, size, size, at_once=True)
    return kept


def test_what_is_made_once_is_forgotten_and_what_is_made_again_is_kept():
    kept = Kept[str, int](10)

    first = kept.put("a", 1, 1)
    then = (len(kept), "a" in kept, kept.get("a"), kept.values())
    second = kept.put("a", 2, 1)

    assert (first, then) == (False, (0, False, None, []))
    assert (second, kept.get("a")) == (True, 2)


def test_what_is_known_to_be_wanted_again_is_kept_at_once():
    kept = Kept[str, int](10)

    assert kept.put("a", 1, 1, at_once=True)
    assert kept.get("a") == 1


def test_ten_thousand_that_come_once_leave_nothing_and_drive_nothing_out():
    kept = holding(20, a=10, b=10)
    before = sys.getsizeof(kept._values)

    for number in range(10_000):
        kept.put(f"once {number}", number, 1)

    assert kept.values() == [10, 10]
    assert sys.getsizeof(kept._values) == before


def test_the_doorkeeper_knows_who_was_here_and_whoever_takes_a_place_takes_it_from_another():
    door = Doorkeeper(4)

    # Small numbers are their own marks: the places are 1, 2, 1, 1.
    assert [door.knows(each) for each in (1, 2, 1, 5, 1, 1, 2)] == [False, False, True, False, False, True, True]


def test_the_doorkeeper_takes_eight_bytes_for_a_mark_whoever_comes():
    door = Doorkeeper()
    before = sys.getsizeof(door._marks)

    for number in range(3 * MARKS):
        door.knows(("a document", number))

    assert sys.getsizeof(door._marks) == before < 8 * MARKS + 200


def test_what_was_not_used_for_the_longest_time_makes_way():
    kept = holding(10, a=3, b=3, c=3)

    assert kept.get("a") == 3
    kept.put("d", 4, 4, at_once=True)

    assert [key for key in "abcd" if key in kept] == ["a", "c", "d"]
    assert kept.get("b") is None
    assert (len(kept), kept.values()) == (3, [3, 3, 4])


def test_a_value_that_has_grown_counts_anew():
    kept = holding(10, a=3, b=3)
    kept.put("a", 7, 7)
    assert kept.values() == [3, 7]

    kept.put("a", 8, 8)
    assert kept.values() == [8]


def test_what_there_is_no_room_for_drives_out_nothing_but_what_it_was():
    kept = holding(10, a=10)

    assert not kept.put("b", 11, 11, at_once=True)
    assert kept.values() == [10]
    assert not kept.put("a", 11, 11)
    assert kept.put("b", 10, 10, at_once=True)
    assert kept.values() == [10]
