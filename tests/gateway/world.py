"""A community in which there is something of everything, made through GraphQL."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from tests.gateway.story import Calendar, circles, matched, someone

from kith_gateway.ids import encode_id
from kith_identity.permissions import SCOPES, permissions_of_app
from kith_testkit.probe import COORDINATOR, MODERATOR, Actor, eventually


@dataclass
class World:
    """A community in which there is something of everything, and another one."""

    gateway: object
    actors: dict = field(default_factory=dict)
    ids: dict = field(default_factory=dict)
    elsewhere: dict = field(default_factory=dict)
    """What leads to a type or field ({name: ids}) that the things in `ids` cannot have as well."""
    before: dict = field(default_factory=dict)
    """What somebody who is blocked since was shown until then."""

    async def ask(self, text, variables, actor):
        return await self.gateway.ask(text, variables, by=self.actors[actor])

    async def do(self, name, given, want, by):
        """What a mutation gives; it must go right."""
        done = await self.gateway.do(name, given, by=by, want=want)
        assert done["errors"] == [], (name, done["errors"])
        return next((done[key] for key in done if key not in {"errors", "clientMutationId"}), None)

    async def solved(self, name, id_):
        """Whether what is worked on in the background is solved."""
        query = f"query ($id: ID!) {{ found: {name}(id: $id) {{ status }} }}"
        status = (await self.gateway.get(query, {"id": id_}, by=self.actors["owner"]))["found"]["status"]
        assert status != "FAILED"
        return status == "SOLVED"

    def ids_for(self, row):
        return self.ids | self.elsewhere.get(row.field, self.elsewhere.get(row.field.partition(".")[0], {}))


async def settled(made, people, key_of, matching):
    """The world, with all that is to be in it."""
    whole, (owner, mentors, mentees) = made.gateway, people
    pairings = await matched(whole, owner, mentors, mentees)
    query = "query ($id: ID!) { pairing(id: $id) { id mentor { id } mentee { id } } }"
    pairings = [(await whole.get(query, {"id": each["id"]}, by=owner))["pairing"] for each in pairings]
    first = next(each for each in pairings if each["mentee"]["id"] == mentees[0])
    mentors = sorted(mentors, key=lambda each: each != first["mentor"]["id"])
    mentor, mentee = someone(owner, mentors[0], key_of), someone(owner, mentees[0], key_of)
    coordinator = Actor(owner.community_id, key_of(mentors[1]), COORDINATOR)
    moderator = Actor(owner.community_id, key_of(mentees[7]), MODERATOR)
    made.actors |= {"anonymous": None, "member": mentor, "coordinator": coordinator, "moderator": moderator}
    made.actors |= {"owner": owner, "app without": Actor(owner.community_id, permissions=frozenset(), app=True)}
    registered = await made.do(
        "registerApp", {"name": "A", "scopes": ["METRICS_READ"]}, "keyedApp { app { id } }", owner
    )
    made.ids["App"] = registered["app"]["id"]
    held = frozenset(permissions_of_app(SCOPES))
    made.actors["app"] = Actor(owner.community_id, key_of(made.ids["App"]), held, app=True)
    circle = (await circles(whole, owner, mentors, mentees))[0]
    group, one_of_it = circle["id"], someone(owner, circle["memberships"][0]["member"]["id"], key_of)
    made.ids |= {"Member": mentees[0], "Pairing": first["id"], "Group": group}

    async def do(name, given, want, by=owner):
        return await whole.do(name, given, by=by, want=want)

    seen = await whole.get("{ programs { edges { node { id } } } }", by=owner)
    made.ids["Program"] = program = seen["programs"]["edges"][0]["node"]["id"]
    query = """query ($p: ID!, $g: ID!) {
      matchRuns(programId: $p) { edges { node { id } } } group(id: $g) { sessions { id } }
    }"""
    seen = await whole.get(query, {"p": program, "g": group}, by=owner)
    made.ids["MatchRun"] = seen["matchRuns"]["edges"][0]["node"]["id"]
    made.ids["Session"] = seen["group"]["sessions"][0]["id"]
    other = next(each["id"] for each in pairings if each["mentor"] == first["mentor"] and each != first)
    await paired(made, mentor, mentee, other)
    await asked_how_it_goes(made, mentor, matching)
    asked = {"programId": program, "mentorId": mentors[0], "message": "Would you?"}
    requests = [await do("askMentor", asked, "request { id }", by=someone(owner, each, key_of)) for each in mentees]
    made.ids["Request"] = next(each["request"]["id"] for each in requests if each["request"])
    space = (await do("openSpace", {"key": "s", "name": "S"}, "space { id }"))["space"]["id"]
    given = {"spaceId": space, "title": "T", "body": "B", "kind": "QUESTION"}
    thread = (await do("openThread", given, "thread { id }", by=mentor))["thread"]["id"]
    post = (await do("writePost", {"threadId": thread, "body": "B"}, "post { id }", by=mentor))["post"]["id"]
    made.ids |= {"Space": space, "Thread": thread, "Post": post}
    given = {"sessions": [{"groupId": group, "startsAt": "2098-03-01T18:00:00+01:00"}]}
    coming = (await do("scheduleSessions", given, "sessions { id }"))["sessions"][0]["id"]
    await do("rsvp", {"sessionId": coming, "answer": "YES"}, "rsvp { answer }", by=one_of_it)
    made.elsewhere["Rsvp"] = {"Session": coming}  # of the other it is known who came

    async def thanked():
        given = {"receiverId": mentees[0], "message": "Thanks."}
        return (await do("giveKudos", given, "kudos { id }", by=mentor))["kudos"]

    await eventually(thanked, what="recognition hearing of them")
    await do("defineBadge", {"key": "b", "name": "B", "description": "B."}, "badge { key }")
    await do("awardBadge", {"memberId": mentees[0], "badgeKey": "b", "reason": "R."}, "badgeAward { id }")

    async def interacted():
        return (await whole.get("{ interactions { edges { cursor } } }", by=owner))["interactions"]["edges"]

    await eventually(interacted, what="metrics hearing of the thanks")
    made.ids["Report"] = (await do("makeReport", {}, "report { id }"))["report"]["id"]
    given = {"url": "http://127.0.0.1:1/hooks", "eventTypes": ["*"]}
    endpoint = (await do("createWebhookEndpoint", given, "webhookEndpoint { id }"))["webhookEndpoint"]["id"]
    sent = (await do("sendTestEvent", {"endpointId": endpoint}, "delivery { id }"))["delivery"]["id"]
    made.ids |= {"WebhookEndpoint": endpoint, "Delivery": sent}
    await avoided(made, mentor, mentors)
    busy = {each["mentee"]["id"] for each in pairings if each["mentor"] == first["mentor"]} | {mentees[1], mentees[7]}
    made.actors["blocked"] = someone(owner, next(each for each in mentees if each not in busy), key_of)
    made.actors["mentee"] = mentee
    await guided(made, mentor, mentee)
    await introduced(made, mentor, mentee, [mentors[0], *mentees[:2]])
    await called(made, mentor, mentee, matching)
    await earned(matching)
    given = {"programId": program, "runId": made.ids["MatchRun"], "rules": {"minimum_shared_skills": 2}}
    made.ids["MatchPreview"] = preview = (await made.do("previewMatching", given, "matchPreview { id }", owner))["id"]
    await eventually(lambda: made.solved("matchPreview", preview), what="the preview", seconds=60)
    return made


async def paired(made, mentor, mentee, other):
    """Two who are paired agree, meet and work on something; the mentor's other pairing is over."""
    owner, pairing = made.actors["owner"], {"pairingId": made.ids["Pairing"]}
    both = {"pairingIds": [made.ids["Pairing"], other]}
    assert (await made.do("acceptPairings", both, "result { accepted }", owner))["accepted"] == 2
    terms = {"support": "Code reviews", "channel": "VIDEO", "everyDays": 7}
    agreement = await made.do("proposeAgreement", pairing | terms, "agreement { id }", mentor)
    await made.do("acceptAgreement", {"agreementId": agreement["id"]}, "agreement { id }", mentee)
    met = {"kind": "MET", "channel": "VIDEO", "happenedAt": datetime.now(UTC).isoformat()}
    await made.do("recordTouchpoint", pairing | met, "touchpoint { id }", mentor)
    goal = await made.do("setGoal", pairing | {"title": "G"}, "goal { id }", mentee)
    given = pairing | {"title": "T", "goalId": goal["id"], "assigneeId": made.ids["Member"]}
    task = await made.do("addTask", given, "task { id }", mentor)
    await made.do("checkTask", {"taskId": task["id"], "done": True}, "task { id }", mentee)
    said = await made.do("writeTestimonial", pairing | {"body": "B."}, "testimonial { id }", mentor)
    await made.do("publishTestimonial", {"testimonialId": said["id"]}, "testimonial { id }", mentee)
    made.ids |= {"Agreement": agreement["id"], "Goal": goal["id"], "Task": task["id"], "Testimonial": said["id"]}
    await made.do("endPairing", {"pairingId": other, "reason": "COMPLETED"}, "pairing { id }", mentor)
    survey = {"pairingId": other, "rating": 5, "goalsMet": True}
    await made.do("answerClosingSurvey", survey, "closingSurvey { rating }", mentor)
    made.elsewhere["ClosingSurvey"] = {"Pairing": other}  # what goes on has none, what is over has no contact


async def asked_how_it_goes(made, mentor, matching):
    """Four silent weeks: the two were nudged and are asked how it goes. Then it is today again."""
    with pytest.MonkeyPatch.context() as patch:
        await Calendar(matching, patch).turn(days=28)
        query = "{ viewer { pulses { edges { node { id } } } } }"
        seen = await made.gateway.get(query, by=mentor)
    made.ids["Pulse"] = seen["viewer"]["pulses"]["edges"][0]["node"]["id"]


async def earned(matching):
    """Two months on, a mentor has earned a tier. Then it is today again."""
    [judging] = [job for job in matching.app.state.jobs if job.name == "judge mentors"]
    with pytest.MonkeyPatch.context() as patch:
        Calendar(matching, patch).ahead += timedelta(days=61)
        await judging.act(matching.database)


async def blocked(made, matching):
    """Everyone here blocks one member, and matching has heard of it."""
    who = made.actors["blocked"]
    blockers = ("member", "mentee", "coordinator", "moderator", "owner")
    for each in blockers:
        await made.do(
            "blockMember", {"memberId": encode_id("Member", who.member_id)}, "block { id }", made.actors[each]
        )

    async def parted():
        sql = "SELECT count(*) AS n FROM barriers WHERE community_id = :c AND parted AND :who IN (one_id, other_id)"
        rows = await matching.rows(sql, c=who.community_id, who=who.member_id)
        return rows[0]["n"] == len(blockers)

    await eventually(parted, what="matching hearing of the blocks")


async def avoided(made, mentor, mentors):
    """A member has blocked one and reported another."""
    await made.do("blockMember", {"memberId": mentors[2]}, "block { id }", mentor)
    given = {"memberId": mentors[3], "reason": "SAFETY", "body": "B."}
    await made.do("reportMember", given, "report { id }", mentor)
    query = "{ memberReports(status: OPEN) { edges { node { id } } } }"
    seen = await made.gateway.get(query, by=made.actors["moderator"])
    made.ids["MemberReport"] = seen["memberReports"]["edges"][0]["node"]["id"]


async def guided(made, mentor, mentee):
    """A program has an agenda and a resource, and somebody is being helped."""
    owner, program = made.actors["owner"], {"programId": made.ids["Program"]}
    agenda = program | {"name": "A", "agenda": [{"prompt": "How are you?", "minutes": 10}]}
    template = await made.do("addCheckInTemplate", agenda, "checkInTemplate { id }", owner)
    read = program | {"audience": "MENTEES", "title": "R", "url": "https://example.org/r"}
    resource = await made.do("addResource", read, "resource { id }", owner)
    module = await made.do("addTrainingModule", program | {"title": "M"}, "trainingModule { id }", owner)
    asked = await made.do("askForHelp", program | {"topic": "T"}, "helpRequest { id }", mentee)
    await made.do("claimHelp", {"helpId": asked["id"]}, "helpRequest { id }", mentor)
    await made.do("askForHelp", program | {"topic": "T"}, "helpRequest { id }", mentee)
    made.ids |= {"CheckInTemplate": template["id"], "Resource": resource["id"], "HelpRequest": asked["id"]}
    made.ids["TrainingModule"] = module["id"]


async def introduced(made, mentor, mentee, peers):
    """Two of three peers help each other, one is left out; the next rounds are due, and two are kept apart."""
    owner = made.actors["owner"]
    await made.do("keepApart", {"memberIds": peers[1:]}, "keptApart { keptAt }", owner)
    given = {"name": "Coffee", "kind": "INTRODUCTION"}
    program = {"programId": (await made.do("openProgram", given, "program { id }", owner))["id"]}
    # Rounds are not for programs of mentoring, match runs for no others.
    for name in ("Query.introductionSchedule", "IntroductionSchedule"):
        made.elsewhere[name] = {"Program": program["programId"]}
    rows = [{"memberId": each, "side": "PEER"} for each in peers]
    await made.do("enrollMembers", program | {"enrollments": rows}, "result { enrolled }", owner)
    for who, skills in ((mentor, "skillsWanted"), (mentee, "skillsOffered")):
        await made.do("updateProfile", {skills: [{"tag": "sql", "level": 3}]}, "", who)

    async def drafted():
        form = program | {"form": "EXCHANGE"}
        found = (await made.do("startIntroductionRound", form, "introductionRound { id }", owner))["id"]
        await eventually(lambda: made.solved("introductionRound", found), what="solving", seconds=60)
        query = "query ($id: ID!) { introductionRound(id: $id) { certificate { introductions } } }"
        seen = await made.gateway.get(query, {"id": found}, by=owner)
        if seen["introductionRound"]["certificate"]["introductions"]:
            return found
        await made.do("discardIntroductionRound", {"roundId": found}, "", owner)
        return None

    made.ids["IntroductionRound"] = round_ = await eventually(drafted, what="hearing of the profiles", seconds=90)
    await made.do("publishIntroductionRound", {"roundId": round_}, "introductionRound { id }", owner)
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    when = {"every": "TWO_WEEKS", "startsOn": day, "at": "09:00", "timeZone": "Europe/Vienna"}
    await made.do("scheduleIntroductions", program | when, "introductionSchedule { every }", owner)


async def called(made, mentor, mentee, matching):
    """One waits for a mentor, and another, who was thanked, is asked to be it."""
    owner = made.actors["owner"]
    others = [encode_id("Member", made.actors[role].member_id) for role in ("owner", "moderator", "blocked")]
    rows = [{"memberId": each, "side": "MENTOR"} for each in others]
    given = {"programId": made.ids["Program"], "enrollments": rows}
    await made.do("enrollMembers", given, "result { enrolled }", owner)  # so that everybody has a load there
    program = {"programId": (await made.do("openProgram", {"name": "Call"}, "program { id }", owner))["id"]}
    rows = [{"memberId": encode_id("Member", mentor.member_id), "side": "MENTEE"}]
    await made.do("enrollMembers", program | {"enrollments": rows}, "result { enrolled }", owner)
    made.ids["OpenCall"] = (await made.do("openCall", program, "openCall { id }", owner))["id"]
    [asking] = [job for job in matching.app.state.jobs if job.name == "work on open calls"]
    query = "{ myCalls { edges { node { id } } } }"

    async def asked():
        await asking.act(matching.database)
        return (await made.gateway.get(query, by=mentee))["myCalls"]["edges"]

    made.ids["CallInvitation"] = (await eventually(asked, what="being asked"))[0]["node"]["id"]
