"""Points and caps, without anything around them."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith_recognition.awards import DEFAULT_RULES, Fact, Rule, earned, reached

pytestmark = pytest.mark.unit
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def fact(member, kind, number, day=0, other=None):
    other_id = None if other is None else UUID(int=other + 2)
    at = NOON + timedelta(days=day)
    return Fact(UUID(int=1), UUID(int=member + 2), kind, UUID(int=number + 100), at, other_id)


facts = st.lists(
    st.builds(
        fact,
        st.integers(0, 2),
        st.sampled_from([*DEFAULT_RULES, "unknown"]),
        st.integers(0, 99),
        st.integers(0, 9),
        st.none() | st.integers(0, 2),
    ),
    max_size=60,
)


@given(facts)
def test_no_rule_pays_more_often_than_its_cap_a_day(some):
    result = earned(some, DEFAULT_RULES, {})
    counts = Counter((each.fact.member_id, each.fact.kind, each.fact.day) for each in result)
    assert all(n <= DEFAULT_RULES[kind].daily_cap for (_, kind, _), n in counts.items())
    assert all(each.points == DEFAULT_RULES[each.fact.kind].points for each in result)


@given(facts, st.integers(0, 20))
def test_two_batches_earn_what_one_would(some, cut):
    first, second = some[:cut], some[cut:]
    one = earned(first, DEFAULT_RULES, {})
    taken = Counter(place for each in one for place in each.fact.places)
    assert one + earned(second, DEFAULT_RULES, taken) == earned(some, DEFAULT_RULES, {})


@given(facts)
def test_no_rule_pays_more_often_than_its_cap_a_week_from_the_same_person(some):
    of_two = [each.fact for each in earned(some, DEFAULT_RULES, {}) if each.fact.other_id]
    counts = Counter((each.member_id, each.kind, each.other_id, each.day.isocalendar()[:2]) for each in of_two)
    assert all(n <= DEFAULT_RULES[kind].pair_cap for (_, kind, *_), n in counts.items())


def test_two_friends_alone_do_not_get_far_and_four_people_do():
    thanks = [fact(0, "kudos_received", n, day=n % 7, other=1) for n in range(35)]
    assert sum(each.points for each in earned(thanks, DEFAULT_RULES, {})) == 15
    thanks = [fact(0, "kudos_received", n, day=n % 7, other=1 + n % 4) for n in range(35)]
    assert sum(each.points for each in earned(thanks, DEFAULT_RULES, {})) == 60


def test_a_rule_worth_nothing_enters_nothing():
    assert earned([fact(0, "post_written", 1)], {"post_written": Rule(0, 5)}, {}) == []


def test_a_badge_is_due_when_its_threshold_is_passed_in_one_leap():
    assert [badge.key for badge in reached(0, 3, "session_attended")] == ["first_session"]
    assert [badge.key for badge in reached(8, 12, "session_attended")] == ["regular"]
    assert reached(1, 5, "post_written") == []
