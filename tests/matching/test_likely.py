"""Who is likely to make a good mentor for those who wait."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith_matching.open_calls.likely import Helped, helpfulness, likely
from kith_matching.scoring import Cohort, Person, Rules, Weights

pytestmark = pytest.mark.unit
WAITING = [Person(UUID(int=n), {"python": 2}, languages=["en"]) for n in range(1, 4)]


def someone(n, **skills):
    return Person(UUID(int=100 + n), skills or {"python": 5}, languages=["en"])


def ranked(members, helped, waiting=WAITING, **given):
    cohort = Cohort(waiting, members, weights=Weights(), rules=Rules(), week=date(2026, 3, 2), **given)
    return [each.member_id.int - 100 for each in likely(cohort, helped)]


@given(people=st.integers(0, 10_000), quiet=st.integers(0, 10_000), more=st.integers(1, 100))
def test_helpfulness_is_from_0_to_1_grows_with_people_and_falls_with_silence(people, quiet, more):
    value = helpfulness(Helped(people, quiet))
    assert 0 <= value < 1
    assert helpfulness(Helped(people + more, quiet)) >= value >= helpfulness(Helped(people, quiet + more))
    gained = [helpfulness(Helped(n + 1, 0)) - helpfulness(Helped(n, 0)) for n in (people, people + more)]
    assert gained[0] > gained[1], "the first person says more than the hundredth"


def test_who_offers_what_is_wanted_comes_before_who_merely_helped_many():
    members = [someone(1, python=5), someone(2, pottery=5), someone(3, python=2)]
    assert ranked(members, [Helped(2, 0), Helped(500, 0), Helped(2, 0)]) == [1, 3]


def test_who_helped_nobody_or_went_quiet_as_often_is_not_asked():
    members = [someone(1), someone(2), someone(3)]
    assert ranked(members, [Helped(0, 0), Helped(2, 2), Helped(3, 1)]) == [3]


def test_whom_the_rules_keep_from_those_who_wait_is_not_asked():
    far = replace(someone(1), languages=["ja"])
    former = [(each.member_id, UUID(int=102)) for each in WAITING]
    members = [far, someone(2), someone(3)]
    assert ranked(members, [Helped(9, 0)] * 3, former=former[:2]) == [3, 2]
    assert ranked(members, [Helped(9, 0)] * 3, forbidden=former) == [3]


def test_what_is_not_known_to_be_offered_is_not_offered_and_ties_go_by_id():
    members = [someone(3), someone(2), replace(someone(1), skills=None)]
    assert ranked(members, [Helped(2, 0)] * 3) == [2, 3]
    [first, _] = likely(
        Cohort(
            WAITING,
            [someone(2, Python=5, go=1), someone(3)],
            weights=Weights(),
            rules=Rules(),
            week=date(2026, 3, 2),
        ),
        [Helped(2, 0)] * 2,
    )
    assert first.skills == ["Python"]


@pytest.mark.parametrize(("waiting", "members"), [([], [someone(1)]), (WAITING, []), ([], [])])
def test_without_anybody_on_one_side_nobody_is_likely(waiting, members):
    assert ranked(members, [Helped(1, 0)] * len(members), waiting=waiting) == []
