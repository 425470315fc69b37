"""What callers may spend: taken before, given back after, and who spends too much waits."""

import time
from uuid import UUID

import msgspec
import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.at_random import Services

from kith_chassis.ids import new_id
from kith_chassis.tokens import Principal
from kith_gateway import answers
from kith_gateway.budgets import Budget, Budgets
from kith_gateway.context import Context, Limits
from kith_gateway.executors import carry_out, ordinary
from kith_gateway.ids import encode_id
from kith_gateway.settings import Settings
from kith_testkit.probe import Actor

DAY = 86_400


class Clock:
    now = 1000.0 * DAY

    def __call__(self):
        return self.now


def member(tenant=2):
    return Principal(new_id(), UUID(int=tenant), frozenset(), time.time() + 60)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def budgets(clock):
    return Budgets(Budget(100, 2.0, 1000), Budget(300, 5.0, 10_000), Budget(10, 1.0, 40), most=50, clock=clock)


def refused(purse, cost):
    """How an operation of this cost is refused; None when it is paid."""
    try:
        purse.pay(cost)
    except GraphQLError as error:
        return error.extensions
    return None


def test_who_has_spent_the_burst_waits_as_long_as_is_said_and_no_longer(budgets, clock):
    caller = member()
    assert refused(budgets.purse(caller, None), 90) is None
    wait = {"code": "RATE_LIMITED", "retryAfter": 5, "bucket": "member"}
    assert refused(budgets.purse(caller, None), 20) == wait
    clock.now += 4
    assert refused(budgets.purse(caller, None), 20) == wait | {"retryAfter": 1}
    clock.now += 1
    assert refused(budgets.purse(caller, None), 20) is None
    assert refused(budgets.purse(member(), None), 90) is None  # nobody else waits for it


def test_what_was_not_used_comes_back_and_what_was_used_beside_is_owed(budgets):
    caller = member()
    purse = budgets.purse(caller, None)
    purse.pay(90)
    purse.settle(30)
    assert purse.shown() == {"bucket": "member", "remaining": 70, "burst": 100, "restoreRate": 2.0, "perDay": 1000}
    purse = budgets.purse(caller, None)
    purse.pay(10)
    purse.settle(120)
    assert purse.shown()["remaining"] == 0
    assert refused(budgets.purse(caller, None), 1)["retryAfter"] == 26  # 50 owed and 1 to pay, 2 a second


def test_who_has_paid_is_carried_out_whatever_others_have_spent_since(budgets):
    caller = member()
    one, other = budgets.purse(caller, None), budgets.purse(caller, None)
    one.pay(60)
    other.pay(40)
    other.settle(400)
    assert refused(one, 60) is None
    assert refused(one, 61) is not None
    assert refused(budgets.purse(member(), None), 1)["bucket"] == "community"


def test_a_day_has_an_end_that_no_refill_moves(budgets, clock):
    spent = 0
    while (why := refused(budgets.purse(None, "192.0.2.1"), 5)) is None or why["retryAfter"] < 60:
        spent += 0 if why else 5
        clock.now += why["retryAfter"] if why else 0
    assert spent == 40
    assert clock.now + why["retryAfter"] == 1001 * DAY
    clock.now += why["retryAfter"]
    assert refused(budgets.purse(None, "192.0.2.1"), 10) is None


def test_a_community_pays_for_all_its_members_and_is_not_charged_for_who_is_refused(budgets):
    for _ in range(3):
        assert refused(budgets.purse(member(), None), 100) is None
    assert refused(budgets.purse(member(), None), 50) == {
        "code": "RATE_LIMITED",
        "retryAfter": 10,
        "bucket": "community",
    }
    assert refused(budgets.purse(member(3), None), 100) is None
    caller = member(4)
    budgets.purse(caller, None).pay(100)
    assert refused(budgets.purse(caller, None), 100)["bucket"] == "member"
    assert budgets._known["community"][4].left == 200


def test_a_bucket_that_was_full_earns_nothing_while_a_request_runs(budgets, clock):
    caller = member()
    purse = budgets.purse(caller, None)
    purse.pay(1)
    clock.now += 20
    purse.settle(51)
    assert purse.shown()["remaining"] == 50
    assert budgets.purse(caller, None).shown()["remaining"] == 50


def test_what_is_left_after_a_slow_request_is_what_there_is_then(budgets, clock):
    purse = budgets.purse(member(), None)
    purse.pay(90)
    clock.now += 5
    purse.settle(90)
    assert purse.shown()["remaining"] == 20


def test_what_no_wait_would_help_is_too_costly(budgets):
    assert refused(budgets.purse(None, "192.0.2.1"), 11) == {"code": "TOO_COSTLY", "cost": 11, "limit": 10}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::1", True),
        (None, "no address", True),
        ("", "1.2.3.4.5" * 999, True),
    ],
)
def test_an_address_is_what_one_household_has(budgets, one, other, same):
    budgets.purse(None, one)
    budgets.purse(None, other)
    assert len(budgets) == (1 if same else 2)


def test_buckets_are_bounded_and_strangers_push_out_strangers_alone(budgets):
    caller = member()
    assert refused(budgets.purse(caller, None), 100) is None
    for n in range(1000):
        budgets.purse(None, f"10.0.{n // 250}.{n % 250}")
    assert len(budgets) == 50 + 2
    assert refused(budgets.purse(caller, None), 1) is not None


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 200), st.floats(-5, 5000)), max_size=60))
def test_nobody_spends_more_than_the_burst_and_what_came_back_and_the_day_allows(acts):
    clock = Clock()
    budgets = Budgets(Budget(100, 2.0, 500), Budget(10**6, 1.0, 10**6), Budget(1, 1.0, 1), most=1, clock=clock)
    caller, spent, days = member(), 0, {}
    budgets.purse(caller, None)  # a bucket counts its days from when it was made
    started = latest = clock.now
    for cost, actual, passed in acts:
        clock.now += passed
        latest = max(latest, clock.now)
        purse = budgets.purse(caller, None)
        if refused(purse, cost) is None:
            before = spent + purse.paid
            assert before <= 100 + 2.0 * (latest - started) + 5 * 2.0 * len(acts) + 1e-6
            day = latest // DAY
            assert days.get(day, 0) + purse.paid <= 500
            purse.settle(min(actual, purse.paid))
            spent += purse.paid
            days[day] = days.get(day, 0) + purse.paid


MEMBER = encode_id("Member", UUID(int=5))
PAGE = "{ members(first: 3) { edges { node { displayName points badges { reason awardedBy { bio } } } } } }"


@pytest.mark.parametrize("way", [carry_out, ordinary])
@pytest.mark.parametrize("fault", [None, "down", "problem", "misaligned"])
async def test_an_operation_costs_what_the_services_answered_about_each_thing_once(way, fault):
    services = Services("5")
    services.faults, services.odd = {"/read/points-by-member": fault} if fault else {}, 0
    caller, clock = member(), Clock()
    plenty = Budget(1000, 1.0, 1000)
    purse = Budgets(plenty, plenty, plenty, most=9, clock=clock).purse(caller, None)
    limits = Limits.of(Settings())
    context = Context(services, authorization="Bearer x", principal=caller, limits=limits, purse=purse)
    cost = answers.cost(context, await way(context, PAGE, {}), 25_000)
    asked = [(route, msgspec.json.decode(asked)[0]) for _, route, asked in services.calls]
    about = {
        (route, key) for route, named in asked for key in named.get("keys", [""]) if services.faults.get(route) is None
    }
    assert len(about) > 6
    assert cost["requested"] == 1 + 3 * (1 + 1 + 10)
    # After a fault that should not be, what was asked for is kept: then it is chance what was under way.
    shown = 2  # for each ten thousand bytes one
    assert cost["actual"] == shown + (len(about) if fault != "misaligned" else cost["requested"])
    assert cost["remaining"] == 1000 - cost["actual"]
    assert (cost["bucket"], cost["burst"], cost["restoreRate"]) == ("member", 1000, 1.0)


@pytest.mark.integration
async def test_who_asks_too_much_too_fast_gets_429_and_is_told_when_to_come_again(identity, gateway_to):
    few = {"member_burst": 100, "member_per_second": 0.5, "address_burst": 100, "address_per_second": 0.01}
    by, query = Actor("0" * 32), {"query": "{ members(first: 30) { edges { node { points } } } }"}
    async with gateway_to({}, identity, **few) as gateway, gateway.client(by) as client, gateway.client() as nobody:
        answers = [(await client.post("/graphql", json=query)) for _ in range(3)]
        assert [each.status_code for each in answers] == [200] * 3
        costs = [each.json()["extensions"]["cost"] for each in answers]
        assert [each["actual"] for each in costs] == [1] * 3  # identity is away: nothing was answered
        big = await client.post("/graphql", json={"query": "{ members(first: 200) { edges { node { points } } } }"})
        assert big.json()["errors"][0]["extensions"] == {"code": "TOO_COSTLY", "cost": 201, "limit": 100}
        typo = {"query": "{ nothing }"}
        for _ in range(100):
            refused = await nobody.post("/graphql", json=typo)
        assert refused.status_code == 200
        for body in (typo, {"query": "{"}, query):
            refused = await nobody.post("/graphql", json=body)
            [error] = refused.json()["errors"]
            assert (refused.status_code, "data" in refused.json()) == (429, False)
            assert error["extensions"]["code"] == "RATE_LIMITED"
            assert refused.headers["Retry-After"] == str(error["extensions"]["retryAfter"])
        assert (await client.post("/graphql", json=query)).status_code == 200


@pytest.mark.parametrize(
    ("document", "refused"),
    [
        (
            "mutation($i: LogInInput!) "
            "{ a: logIn(input: $i) { clientMutationId } b: logIn(input: $i) { clientMutationId } }",
            True,
        ),
        (
            "mutation($i: LogInInput!) { ...A ... on Mutation { b: logIn(input: $i) { clientMutationId } } } "
            "fragment A on Mutation { a: logIn(input: $i) { clientMutationId } }",
            True,
        ),
        (
            "mutation($i: LogInInput!, $j: JoinInput!) "
            "{ logIn(input: $i) { clientMutationId } join(input: $j) { clientMutationId } }",
            True,
        ),
        (
            "mutation($i: LogInInput!) { logIn(input: $i) { clientMutationId } logIn(input: $i) { errors { code } } }",
            False,
        ),
    ],
)
async def test_what_tries_a_secret_stands_alone_in_an_operation_also_under_other_names(document, refused):
    account = {"community": "c", "email": "e", "password": "p"}
    variables = {"i": account, "j": account | {"displayName": "d"}}
    for _ in range(2):  # the second time the document is known
        services = Asked()
        context = Context(services, authorization=None, principal=None, limits=Limits.of(Settings()))
        result = await carry_out(context, document, variables)
        if refused:
            assert [each.extensions["code"] for each in result.errors] == ["TOO_LARGE"]
            assert services.count == 0
        else:
            assert result.errors is None
            assert services.count == 1


class Asked:
    """Services that count what they are asked."""

    count = 0

    async def call(self, *_, **__):
        self.count += 1
        return {}
