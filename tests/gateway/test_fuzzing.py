"""Wrong values in every place of the schema, on all services: never an answer that is our fault."""

import logging
import os
from collections import Counter

import pytest

from .fuzzing import Fuzzer, fuzz

SEED = int(os.environ.get("KITH_SEED", "1"))
REQUESTS = int(os.environ.get("KITH_REQUESTS", "400"))
"""`KITH_REQUESTS=50000 KITH_SEED=7 pytest tests/gateway/test_fuzzing.py` sends more, and others."""
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900 + REQUESTS // 10)]


async def test_whatever_is_sent_no_service_fails_and_nothing_of_the_inside_is_told(whole, people, caplog):
    owner, mentors, mentees = people
    caplog.set_level(logging.ERROR)
    found, codes = [], Counter()
    fuzzer = Fuzzer(SEED, [*mentors, *mentees])
    async with whole.client(owner) as client:
        await fuzz(client, fuzzer, REQUESTS, found, codes)
    failed = [record for record in caplog.records if record.levelno >= logging.ERROR]
    told = [f"{each.name}: {each.getMessage()} {each.exc_info and each.exc_info[1]!r}"[:1000] for each in failed]
    assert not found, (SEED, len(found), found[:3], told[:3])
    assert told == [], SEED
    # What it sends gets past the gateway: refusals of the services' own, and not only of the gateway's.
    assert len(codes) > 10, codes
    assert codes["RATE_LIMITED"] <= REQUESTS / 100, codes


async def test_a_service_that_fails_would_be_noticed(whole, people, monkeypatch):
    owner, _, _ = people
    found = []

    async def broken(*_, **__):
        raise ValueError("SELECT 1")

    monkeypatch.setattr(whole.upstream, "call", broken)
    async with whole.client(owner) as client:
        await fuzz(client, Fuzzer(SEED), 60, found, Counter())
    assert any("INTERNAL" in wrong for wrong, _, _ in found)
