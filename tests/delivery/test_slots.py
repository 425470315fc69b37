"""Slots are shared so that nobody, and no community, has them all."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith_delivery.slots import Slots

pytestmark = pytest.mark.unit
SILENT, HEALTHY = UUID(int=1), UUID(int=2)


def endpoint(number):
    return UUID(int=1000 + number)


def fill(slots, endpoints, community):
    """Every endpoint takes what it may, in turns, until none may have more; how many they have."""
    held = 0
    while taken := sum(slots.take(endpoint(each), community) for each in endpoints):
        held += taken
    return held


def test_who_is_alone_has_a_fifth_and_a_community_half():
    assert fill(Slots(256), range(1), SILENT) == 51
    assert fill(Slots(256), range(50), SILENT) == 128


@given(st.integers(64, 512), st.integers(1, 60), st.integers(1, 5))
def test_however_many_hang_in_a_few_communities_another_finds_a_slot(total, endpoints, communities):
    slots = Slots(total)
    for each in range(communities):
        fill(slots, range(each * 100, each * 100 + endpoints), UUID(int=10 + each))
    assert slots.take(endpoint(9999), HEALTHY)


@pytest.mark.parametrize("communities", [6, 12, 30])
def test_also_where_many_hang_once_each_attempt_has_had_its_time(communities):
    slots = Slots(256)
    holders = [(endpoint(100 * of + each), UUID(int=10 + of)) for of in range(communities) for each in range(50)]
    held = [each for each in holders if slots.take(*each)]
    for each in held:  # each ends, and all who hang want the slot
        slots.give_back(*each)
        for other in holders:
            slots.take(*other)
    assert slots.free


@given(st.integers(1, 512), st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=300))
def test_what_is_given_back_is_free_again(total, steps):
    slots, held = Slots(total), []
    for takes, number in steps:
        holder = endpoint(number), UUID(int=10 + number % 2)
        if takes and slots.take(*holder):
            held.append(holder)
        elif held:
            slots.give_back(*held.pop())
        assert slots.free == total - len(held) >= 0
    for holder in held:
        slots.give_back(*holder)
    assert slots.free == total
    assert slots.take(endpoint(0), SILENT)
