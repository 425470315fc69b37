"""What makes a pair good, what forbids it, and that the reasons shown are the score solved with."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith_matching.scoring import UNKNOWN, Cohort, Person, Rules, Weights, explain, tag

pytestmark = pytest.mark.unit
WEEK = date(2026, 1, 5)
EVENING = [{"weekday": 2, "start": 1080, "end": 1200}]
LAX = Rules(minimum_shared_skills=0, common_language=False)


def person(number, skills=None, **given):
    return Person(UUID(int=number), skills, **given)


def cohort(mentees, mentors, *, rules=LAX, **given):
    return Cohort(mentees, mentors, weights=Weights(), rules=rules, week=WEEK, **given)


def parts(mentor, mentee, **given):
    found = cohort([mentee], [mentor], **given).explain(0, 0)
    return {each["part"]: each for each in found["parts"]}


def allowed(mentor, mentee, **given):
    return bool(cohort([mentee], [mentor], **given).scores(np.array([0]), np.array([0]))[1][0])


people = st.builds(
    person,
    st.integers(1, 10**9),
    st.one_of(st.none(), st.dictionaries(st.sampled_from(["SQL", "sql ", "Go", "C#"]), st.integers(1, 5))),
    interests=st.lists(st.sampled_from(["ai", "Chess", "chess", "sea"]), max_size=3),
    languages=st.lists(st.sampled_from(["en", "pt-BR", "pt_PT", "de"]), max_size=2),
    experience_years=st.one_of(st.none(), st.floats(0, 40)),
    time_zone=st.sampled_from([None, "UTC", "Asia/Kolkata"]),
    availability=st.sampled_from([[], EVENING]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(people, min_size=1, max_size=4), st.lists(people, min_size=1, max_size=4), st.booleans())
def test_the_parts_shown_add_up_to_the_score_solved_with(mentees, mentors, strict):
    both = cohort(mentees, mentors, rules=Rules() if strict else Rules(minimum_shared_skills=2))
    rows, columns = np.repeat(np.arange(len(mentees)), len(mentors)), np.tile(np.arange(len(mentors)), len(mentees))
    scores, _ = both.scores(rows, columns)
    for score, why, row, column in zip(scores, both.explain_all(rows, columns), rows, columns, strict=True):
        assert sum(each["value"] * each["weight"] for each in why["parts"]) == pytest.approx(score, abs=1e-12)
        assert all(0 <= each["value"] <= 1 for each in why["parts"])
        assert why == both.explain(row, column)


def test_nothing_known_is_neutral_and_breaks_no_rule():
    nobody = parts(person(1), person(2))
    assert {each["value"] for each in nobody.values()} == {UNKNOWN}
    assert {each["reason"] for each in nobody.values()} == {f"{name}_unknown" for name in nobody}
    strict = Rules(minimum_shared_skills=3, minimum_overlap_minutes=600)
    assert allowed(person(1), person(2), rules=strict)


def test_skills_count_by_what_is_wanted_and_how_well_it_is_offered():
    wants = person(2, {"sql": 4, "go": 2})
    assert parts(person(1, {"SQL": 5, "Go": 5}), wants)["skills"]["value"] == 1
    assert parts(person(1, {"SQL": 5}), wants)["skills"]["value"] == pytest.approx(4 / 6)
    assert parts(person(1, {"SQL": 2}), wants)["skills"]["value"] == pytest.approx(4 * 0.4 / 6)
    assert parts(person(1, {"rust": 5}), wants)["skills"]["reason"] == "skills_none"
    shared = parts(person(1, {"SQL": 5}), wants)["skills"]
    assert (shared["reason"], shared["data"]) == (
        "skills_shared",
        {"shared": [{"tag": "sql", "wanted": 4, "offered": 5}]},
    )


def test_tags_are_the_same_whatever_their_case_width_and_spaces_and_synonyms_mean_what_they_say():
    assert tag("  Ｐｙｔｈｏｎ  3 ") == tag("python 3")  # noqa: RUF001 - full-width letters are the point
    assert parts(person(1, {"JavaScript": 5}), person(2, {"js": 3}))["skills"]["value"] == 0
    known = {"JS": "javascript"}
    assert parts(person(1, {"JavaScript": 5}), person(2, {"js": 3}), synonyms=known)["skills"]["value"] == 1


def test_speakers_of_two_kinds_of_a_language_understand_each_other():
    one, other = person(1, languages=["pt-BR"]), person(2, languages=["PT_pt", "en"])
    assert parts(one, other)["language"]["data"] == {"shared": ["pt"]}
    assert not allowed(one, replace(other, languages=["en"]), rules=Rules(minimum_shared_skills=0))


def test_a_mentor_a_few_years_ahead_is_nearer_than_one_far_ahead_or_behind():
    def near(years):
        return parts(person(1, experience_years=years), person(2, experience_years=3))["experience"]["value"]

    assert near(8) == 1
    assert near(8) > near(20) > near(40) > near(2) == 0


def test_shared_time_counts_in_real_minutes_across_zones():
    berlin = person(1, time_zone="Europe/Berlin", availability=[{"weekday": 2, "start": 1140, "end": 1260}])
    london = person(2, time_zone="Europe/London", availability=EVENING)
    assert cohort([london], [berlin]).explain(0, 0)["overlap_minutes"] == 120
    kolkata = replace(london, time_zone="Asia/Kolkata")
    assert parts(berlin, kolkata)["availability"]["reason"] == "availability_none"
    assert not allowed(berlin, kolkata, rules=replace(LAX, minimum_overlap_minutes=5))


def test_each_hard_rule_forbids():
    mentor, mentee = person(1, {"sql": 1, "go": 5}), person(2, {"sql": 1})
    pair = {(mentee.member_id, mentor.member_id)}
    assert allowed(mentor, mentee, rules=Rules())
    assert not allowed(mentor, mentee, rules=Rules(minimum_shared_skills=2))
    assert not allowed(person(1, {"go": 5}), mentee, rules=Rules())
    assert not allowed(mentor, mentee, rules=Rules(minimum_score=0.9))
    assert not allowed(mentor, mentee, forbidden=pair)
    assert not allowed(mentor, mentee, former=pair)
    assert allowed(mentor, mentee, former=pair, rules=replace(LAX, no_repeats=False))
    assert not allowed(mentor, replace(mentor))  # nobody is their own mentor


@pytest.mark.parametrize(
    "given",
    [{"skills": 0.9}, {"skills": -0.5, "interests": 1.1}, {"skills": float("nan")}],
)
def test_weights_that_make_no_sense_are_refused(given):
    with pytest.raises(ValueError, match="sum to 1"):
        Weights(**given)


def test_rules_and_people_out_of_range_are_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        Rules(minimum_score=2)
    with pytest.raises(ValueError, match="level outside 1 to 5"):
        person(1, {"sql": 6})
    with pytest.raises(ValueError, match="not a number of years"):
        person(1, experience_years=float("nan"))


def test_one_pair_is_explained_without_a_cohort():
    why = explain(person(1, {"sql": 5}), person(2, {"SQL": 1}), weights=Weights(), rules=Rules(), week=WEEK)
    assert why["shared_skills"] == ["SQL"]
    assert why["overlap_minutes"] is None
