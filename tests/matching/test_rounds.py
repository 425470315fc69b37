"""One round worked out as the service does it, and when rounds are due; nothing runs."""

from datetime import UTC, date, datetime, time
from itertools import combinations, permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith_matching.introducing.recurrences import Recurrence
from kith_matching.solve_round import solve

pytestmark = pytest.mark.unit
WEIGHTS = {"skills": 0.0, "interests": 1.0, "language": 0.0, "experience": 0.0, "availability": 0.0}
RULES = {
    "minimum_shared_skills": 0,
    "common_language": True,
    "minimum_overlap_minutes": 0,
    "minimum_score": 0.0,
    "no_repeats": True,
}


def key(number):
    return str(UUID(int=number))


def someone(number, **given):
    empty = {"interests": [], "languages": ["en"], "experience_years": None, "time_zone": None, "availability": []}
    return {"member_id": key(number), "skills_wanted": [], "skills_offered": [], **empty, **given}


def problem(people, **given):
    empty = {
        "form": "meet",
        "options": {"most": 9, "least_score": 0.0},
        "ties": [],
        "met": [],
        "now": 0,
        "first": [],
        "apart": [],
        "trios": True,
        "hosted": {},
        "both": False,
    }
    return {"seed": 1, "week": "2026-03-02", "weights": WEIGHTS, "rules": RULES, "people": people, **empty, **given}


def groups(solution):
    return {frozenset(each["members"]) for each in solution["introductions"]}


def year(people, rounds, **given):
    """Solutions of so many rounds of the same people, each knowing the ones before."""
    met, hosted, first, found = [], {}, [], []
    for now in range(rounds):
        solution = solve(problem(people, met=met, now=now, first=first, hosted=hosted, seed=now, **given))
        for each in solution["introductions"]:
            met += [[*pair, now] for pair in combinations(each["members"], 2)]
            hosted[each["members"][0]] = hosted.get(each["members"][0], 0) + 1
        first = [each["member_id"] for each in solution["left_out"]]
        found.append(solution)
    return found


def test_those_with_common_interests_meet_and_are_told_which():
    people = [someone(n, interests=[["tea", "chess"][n % 2]]) for n in range(4)]
    solution = solve(problem(people))
    assert groups(solution) == {frozenset({key(0), key(2)}), frozenset({key(1), key(3)})}
    assert {tuple(each["shared_interests"]) for each in solution["introductions"]} == {("tea",), ("chess",)}
    certificate = solution["certificate"]
    assert (certificate["total"], certificate["bound"], certificate["gap"], certificate["most"]) == (2, 2, 0, True)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.booleans())
def test_everyone_meets_everyone_before_anybody_twice_and_who_waits_is_first(n, trios):
    solutions = year([someone(k, interests=["tea"] if k % 3 else []) for k in range(n)], n + 2, trios=trios)
    met, waited = set(), set()
    for solution in solutions:
        for group in groups(solution):
            for pair in combinations(sorted(group), 2):
                known = [{one for each in met if person in each for one in each} for person in pair]
                assert pair not in met or len(group) > 2 or any(len(some) == n for some in known)
        met |= {pair for group in groups(solution) for pair in combinations(sorted(group), 2)}
        now = {each["member_id"] for each in solution["left_out"]}
        assert not (now & waited) or solution["certificate"]["left_out"] > 1
        waited = now


def test_no_one_meets_twice_in_a_year_of_a_large_community():
    met = set()
    for solution in year([someone(k) for k in range(601)], 4, trios=False):
        pairs = {tuple(sorted(group)) for group in groups(solution)}
        assert len(pairs) == 300
        assert not pairs & met
        met |= pairs


def test_five_are_a_pair_and_a_trio_whose_three_may_all_meet():
    found = groups(solve(problem([someone(k) for k in range(5)])))
    assert sorted(len(each) for each in found) == [2, 3]


def test_whose_turn_it_is_to_arrange_the_meeting_goes_round():
    people, turns = [someone(k) for k in range(6)], dict.fromkeys(map(key, range(6)), 0)
    for solution in year(people, 4):
        for each in solution["introductions"]:
            turns[each["members"][0]] += 1
    assert max(turns.values()) - min(turns.values()) <= 2
    assert sum(turns.values()) == 12


def test_who_is_kept_apart_never_meets_and_who_shares_no_language_is_told_so():
    apart = [[key(0), key(1)]]
    people = [*(someone(k) for k in range(3)), someone(3, languages=["fi"])]
    solution = solve(problem(people, apart=apart, trios=True))
    assert frozenset({key(0), key(1)}) not in groups(solution)
    assert all(len(each) == 2 for each in groups(solution))
    reasons = {each["member_id"]: each["reason"] for each in solution["left_out"]}
    assert reasons.pop(key(3)) == "nobody_meets_the_rules"
    assert set(reasons.values()) == {"odd_one_out"}
    assert len(reasons) == 1


def test_peers_teach_each_other_where_both_must():
    rules = RULES | {"minimum_shared_skills": 1}
    skill = lambda tag: [{"tag": tag, "level": 3}]  # noqa: E731
    teacher = someone(0, skills_offered=skill("go"), skills_wanted=skill("art"))
    learner = someone(1, skills_wanted=skill("go"), skills_offered=skill("law"))
    friend = someone(2, skills_wanted=skill("go"), skills_offered=skill("art"))
    for both, expected in ((True, {frozenset({key(0), key(2)})}), (False, {frozenset({key(0), key(1)})})):
        people = [teacher, learner, friend] if both else [teacher, learner]
        assert groups(solve(problem(people, rules=rules, both=both, trios=False))) == expected
    assert groups(solve(problem([teacher, learner], rules=rules, both=True))) == set()


def helper(number, gives, wants, **given):
    offered, wanted = ([{"tag": tag, "level": 3}] for tag in (gives, wants))
    return someone(number, skills_offered=offered, skills_wanted=wanted, **given)


def test_three_who_cannot_help_each_other_two_by_two_do_so_in_a_circle():
    ring = [helper(0, "go", "art"), helper(1, "law", "go"), helper(2, "art", "law"), helper(3, "go", "tax")]
    solution = solve(problem(ring, form="exchange"))
    (circle,) = solution["introductions"]
    assert {(each["giver_id"], each["taker_id"], *each["skills"]) for each in circle["helps"]} == {
        (key(0), key(1), "go"), (key(1), key(2), "law"), (key(2), key(0), "art"),
    }  # fmt: skip
    assert [each["taker_id"] for each in circle["helps"]] == [*circle["members"][1:], circle["members"][0]]
    assert solution["left_out"] == [{"member_id": key(3), "reason": "nobody_meets_the_rules"}]
    certificate = solution["certificate"]
    assert (certificate["introductions"], certificate["gap"], certificate["most"]) == (1, 0, True)
    assert solve(problem(ring, form="exchange", apart=[[key(0), key(1)]]))["introductions"] == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=2, max_size=7))
def test_no_other_circles_of_up_to_four_help_more_of_those_who_offer_and_want(skills):
    people = [helper(n, *each) for n, each in enumerate(skills)]
    rings = [
        frozenset(ring)
        for size in (2, 3, 4)
        for ring in permutations(range(len(skills)), size)
        if all(skills[one][0] == skills[ring[(k + 1) % size]][1] for k, one in enumerate(ring))
    ]
    best = {frozenset()}
    for ring in rings:
        best |= {used | ring for used in best if not used & ring}
    solution = solve(problem(people, form="exchange"))
    assert sum(len(each["members"]) for each in solution["introductions"]) == max(map(len, best))
    assert solution["certificate"]["most"]


@pytest.mark.parametrize("form", ["meet", "exchange", "bridge"])
@pytest.mark.parametrize("people", [[], [someone(0)]])
def test_nobody_to_meet_is_no_error(people, form):
    solution = solve(problem(people, form=form))
    assert solution["introductions"] == []
    assert len(solution["left_out"]) == (len(people) if form != "bridge" else 0)


def test_a_few_introductions_join_two_circles_of_friends_above_a_floor_of_fit():
    people = [someone(k, interests=[["tea", "chess"][k % 2]]) for k in range(8)]
    ties = [[key(i), key(j)] for part in (range(4), range(4, 8)) for i, j in combinations(part, 2)]
    options = {"most": 2, "least_score": 0.9}
    solution = solve(problem(people, form="bridge", ties=ties, options=options, apart=[[key(0), key(4)]]))
    certificate = solution["certificate"]
    assert (certificate["silos"], certificate["silo_index_before"], certificate["gap"]) == (2, 1, 0)
    assert certificate["silo_index_after"] == pytest.approx(1 - 2 / 6)
    assert len(groups(solution)) == 2
    for one, other in groups(solution):
        assert (UUID(one).int < 4) != (UUID(other).int < 4)
        assert UUID(one).int % 2 == UUID(other).int % 2
    assert frozenset({key(0), key(4)}) not in groups(solution)
    met = [[*sorted(each), 0] for each in groups(solution)]
    again = solve(problem(people, form="bridge", ties=ties, options=options, met=met))
    assert not groups(again) & groups(solution)
    assert again["certificate"]["silo_index_before"] < 1


@settings(max_examples=200, deadline=None)
@given(
    st.dates(date(2020, 1, 1), date(2040, 12, 31)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.sampled_from(["Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
    st.sampled_from(["week", "two_weeks", "month"]),
    st.datetimes(datetime(2019, 1, 1), datetime(2041, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_rounds_are_due_in_order_and_the_next_is_the_first_after_now(day, at, zone, every, now):
    recurrence = Recurrence(day, at, zone, every)
    number = recurrence.next_after(now)
    assert recurrence.moment(number) > now
    assert number == 0 or recurrence.moment(number - 1) <= now
    assert recurrence.moment(number) < recurrence.moment(number + 1)


def test_a_round_stays_at_nine_when_the_clocks_change_and_on_the_last_day_of_a_short_month():
    weekly = Recurrence(date(2026, 3, 23), time(9), "Europe/Vienna", "week")
    assert [weekly.moment(n).hour for n in (0, 1)] == [8, 7]
    monthly = Recurrence(date(2026, 1, 31), time(9), "UTC", "month")
    assert [monthly.day(n).isoformat() for n in (0, 1, 2, 12)] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2027-01-31",
    ]
