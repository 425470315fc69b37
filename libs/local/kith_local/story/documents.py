"""The operations of the story, as a frontend would send them."""


def mutation(name: str, returns: str) -> str:
    """A document with one mutation that takes `$input` and answers typed errors."""
    kind = name[0].upper() + name[1:]
    return f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {returns} errors {{ code message }} }} }}"


FOUND = mutation("foundCommunity", "founding { communityId }")
WEBHOOK = mutation("createWebhookEndpoint", "webhookEndpoint { id secret }")
OPEN_PROGRAM = mutation("openProgram", "program { id }")
ENROLL = mutation("enrollMembers", "result { enrolled errors { index code reason } }")
START_RUN = mutation("startMatchRun", "matchRun { id }")
PUBLISH = mutation("publishMatchRun", "matchRun { id status }")
ACCEPT = mutation("acceptPairing", "pairing { id status }")
ACCEPT_ALL = mutation("acceptPairings", "result { accepted }")
INVITE = mutation("inviteMembers", "invitations { memberId token }")
REDEEM = mutation("redeemInvitation", "login { accessToken memberId }")
FORM = mutation(
    "formGroups",
    "formation { id groups { id name memberships { role member { id displayName } } } left { reason } }",
)
SCHEDULE = mutation("scheduleSessions", "sessions { id group { id } }")
ATTENDANCE = mutation("recordAttendance", "sessions { id }")
THREAD = mutation("openThread", "thread { id }")
POST = mutation("writePost", "post { id }")
ACCEPT_ANSWER = mutation("acceptAnswer", "thread { id acceptedPostId }")
KUDOS = mutation("giveKudos", "kudos { id }")
REPORT = mutation("makeReport", "report { id }")

PAGE = "pageInfo { hasNextPage endCursor }"
MEMBERS = f"""
query($first: Int!, $after: String) {{ members(first: $first, after: $after) {{
  edges {{ node {{ id displayName experienceYears skillsOffered {{ tag }} skillsWanted {{ tag }} }} }} {PAGE}
}} }}
"""
RUN = """
query($id: ID!) { matchRun(id: $id) { status failure certificate {
  mentees mentors candidates matched total bound gap seed scoringSeconds solvingSeconds
} } }
"""
PREVIEW = """
query($id: ID!) {
  matchSuggestions(runId: $id, first: 3) { edges { node {
    score sharedSkills overlapMinutes switchCost mentee { displayName } mentor { displayName } nextBest { displayName }
  } } }
}
"""
PAIRINGS = f"""
query($program: ID!, $first: Int!, $after: String) {{ pairings(programId: $program, first: $first, after: $after) {{
  edges {{ node {{ id status mentor {{ id }} mentee {{ id }} }} }} {PAGE}
}} }}
"""
SPACES = "{ spaces(first: 10) { edges { node { id key } } } }"
LEADERS = "{ leaderboard(period: ALL, first: 5) { rank points member { displayName badges { badgeKey } } } }"
TOTALS = "{ recognitionTotals { kudos entries points badges } }"
HEALTH = """
query($id: ID!) {
  report(id: $id) { windowDays figures {
    members active activated hoursToFirstContribution connected neverConnected named reasons
    interactions { source count }
  } }
  isolatedMembers(reportId: $id, first: 8) { edges { node { score reasons step member { displayName } } } }
}
"""
DELIVERIES = "query($id: ID!) { webhookEndpoint(id: $id) { deliveryCounts { pending delivered failed } } }"
