"""Who has had to do with whom, from what groups tells."""

from datetime import datetime

import pytest

from kith_chassis.ids import new_id

pytestmark = pytest.mark.integration


async def tied(matching, community_id):
    sql = "SELECT one_id, other_id, last_at FROM ties WHERE community_id = :c"
    return {(row["one_id"], row["other_id"]): row["last_at"] for row in await matching.rows(sql, c=community_id)}


async def test_people_met_when_the_session_was_and_not_when_somebody_wrote_it_down(matching, community_id):
    one, other = sorted([new_id(), new_id()])
    began = "2026-03-01T18:00:00+00:00"
    met = {"present_ids": [one, other], "starts_at": began}
    await matching.deliver(community_id, "groups.attendance_recorded.v1", met)
    assert await tied(matching, community_id) == {(one, other): datetime.fromisoformat(began)}
    await matching.deliver(community_id, "groups.attendance_recorded.v1", {"present_ids": [one, other]})
    assert (await tied(matching, community_id))[one, other] > datetime.fromisoformat(began)


async def test_who_asked_was_helped_also_when_somebody_else_accepted_the_answer(matching, community_id):
    asker, helper, coordinator = new_id(), new_id(), new_id()
    accepted = {"answerer_id": helper, "accepted_by": coordinator, "asker_id": asker}
    await matching.deliver(community_id, "groups.answer_accepted.v1", accepted)
    assert set(await tied(matching, community_id)) == {tuple(sorted([asker, helper]))}
    sql = "SELECT helper_id, helped_id FROM thanks WHERE community_id = :c"
    assert await matching.rows(sql, c=community_id) == [{"helper_id": helper, "helped_id": asker}]
    before = {"answerer_id": asker, "accepted_by": helper}
    await matching.deliver(community_id, "groups.answer_accepted.v1", before)
    assert {"helper_id": asker, "helped_id": helper} in await matching.rows(sql, c=community_id)
