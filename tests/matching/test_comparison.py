"""Who gains and who loses by other settings, against what can be counted by hand."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith_matching.comparison import compare
from kith_matching.solve import default_settings, solve

pytestmark = pytest.mark.unit
ZERO = dict.fromkeys(default_settings()["weights"], 0.0)


def someone(number, skill, interest, **given):
    empty = {"languages": ["en"], "experience_years": None, "time_zone": None, "availability": [], "capacity": 1}
    tags = [{"tag": skill, "level": 5}] if skill else []
    return {"member_id": str(UUID(int=number)), "skills": tags, "interests": [interest], **empty, **given}


def problem(mentees, mentors, now=None, then=None, **given):
    rules = default_settings()["rules"] | {"minimum_shared_skills": 0}
    usual = {"weights": ZERO | {"skills": 1.0}, "rules": rules, "mode": "best_total"}
    sides = {"mentees": mentees, "mentors": mentors, "prohibited": [], "former": [], "seed": 1, "week": "2026-03-02"}
    return {**sides, "now": usual | (now or {}), "then": usual | (then or {}), **given}


def test_by_skills_or_by_interests_one_has_another_mentor_and_is_told_what_it_means():
    mentees = [someone(1, "go", "tea"), someone(2, "sql", "chess")]
    mentors = [someone(3, "go", "chess"), someone(4, "sql", "tea")]
    found = compare(problem(mentees, mentors, then={"weights": ZERO | {"interests": 1.0}}))
    assert (found["gain"], found["lose"], found["another_mentor"]) == (2, 0, 2)
    assert found["before"] == {"matched": 2, "mean_fit": 0.0, "lowest_fit": 0.0}
    assert found["after"] == {"matched": 2, "mean_fit": 1.0, "lowest_fit": 1.0}
    first = next(each for each in found["changes"] if each["mentee_id"] == str(UUID(int=1)))
    assert (first["mentor_before_id"], first["mentor_after_id"]) == (str(UUID(int=3)), str(UUID(int=4)))


def test_a_stricter_rule_takes_a_mentor_from_some_and_they_are_named_first():
    mentees = [someone(1, "go", "tea"), someone(2, "sql", "tea"), someone(3, "art", "tea")]
    mentors = [someone(4, "go", "tea"), someone(5, "sql", "tea", capacity=2)]
    stricter = {"rules": default_settings()["rules"] | {"minimum_shared_skills": 1}}
    found = compare(problem(mentees, mentors, then=stricter))
    assert (found["gain"], found["lose"]) == (0, 1)
    assert found["changes"][0] | {"mentor_before_id": None} == {
        "mentee_id": str(UUID(int=3)), "mentor_before_id": None, "mentor_after_id": None, "fit_before": 0.0,
        "fit_after": None, "change": "loses",
    }  # fmt: skip
    assert (found["before"]["matched"], found["after"]["matched"]) == (3, 2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=5), st.lists(st.sampled_from("abc"), max_size=4), st.integers(1, 3))
def test_the_same_settings_change_nothing_and_both_are_what_a_run_gives(wants, offers, room):
    mentees = [someone(n, skill, "tea") for n, skill in enumerate(wants)]
    mentors = [someone(100 + n, skill, "tea", capacity=room) for n, skill in enumerate(offers)]
    found = compare(problem(mentees, mentors))
    assert (found["another_mentor"], found["gain"], found["lose"], found["changes"]) == (0, 0, 0, [])
    assert found["before"] == found["after"]
    given = problem(mentees, mentors)
    if mentees and mentors:
        run = solve({**given, **given["now"], "pins": []})
        assert found["after"]["matched"] == run["certificate"]["matched"]
