"""What keeps members safe from each other: blocks, reports, and who looks into them."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, Argument, identifier, joined, lookup, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, Node, enumeration, given, maybe, node, record, taking
from kith_gateway.writes import Input, mutation


@enumeration
class ReportReason(Enum):
    """What a report is about."""

    HARASSMENT = "harassment"
    SAFETY = "safety"
    IMPERSONATION = "impersonation"
    SPAM = "spam"
    OTHER = "other"


@enumeration
class ReportStatus(Enum):
    """Where a report is."""

    OPEN = "open"
    RESOLVED = "resolved"


@enumeration
class Role(Enum):
    """A role that can be granted; every member has what any member may do besides."""

    COORDINATOR = "coordinator"
    MODERATOR = "moderator"
    OWNER = "owner"


@record
class Block:
    """Somebody the caller wants nothing to do with. Whoever it is does not know."""

    id: strawberry.ID = identifier("Block")
    blocked_at: datetime = plain("Since when.")
    member: Member | None = joined(IDENTITY, "/read/members", key="blocked_id", description="Whom.")


@record
class OwnReport:
    """A report of another member that the caller made."""

    id: strawberry.ID = identifier("OwnReport")
    reason: ReportReason = plain("What it is about.")
    body: str = plain("What happened.")
    context: str | None = plain("Where it happened.")
    status: ReportStatus = plain("Whether moderators are still to look into it.")
    reported_at: datetime = plain("When it was made.")
    resolved_at: datetime | None = plain("When it was resolved.")
    reported: Member | None = joined(IDENTITY, "/read/members", key="reported_id", description="Whom it is about.")


@node(IDENTITY, "/read/member-reports")
class MemberReport(Node):
    """A report of one member by another, for moderators; never for one of the two."""

    id: strawberry.ID = identifier("MemberReport")
    reason: ReportReason = plain("What it is about.")
    body: str = plain("What happened, as the reporter tells it.")
    context: str | None = plain("Where it happened, as the reporter tells it.")
    status: ReportStatus = plain("Whether it is still to be looked into.")
    reported_at: datetime = plain("When it was made.")
    resolved_at: datetime | None = plain("When it was resolved.")
    note: str | None = plain("What was done about it.")
    reporter: Member | None = joined(IDENTITY, "/read/members", key="reporter_id", description="Who made it.")
    reported: Member | None = joined(IDENTITY, "/read/members", key="reported_id", description="Whom it is about.")
    resolved_by: Member | None = joined(
        IDENTITY, "/read/members", key="resolved_by", description="The moderator who resolved it."
    )


@strawberry.type
class Query:
    member_reports: Connection[MemberReport] | None = paged(
        IDENTITY,
        "/member-reports",
        arguments=(Argument("status", ReportStatus | None, "Only those.", default=None),),
        description="Reports of members by members, the oldest first; for moderators.",
    )
    member_report: MemberReport | None = lookup(
        IDENTITY, "/read/member-reports", of="MemberReport", description="One report of a member; for moderators."
    )


@taking
class BlockMemberInput(Input):
    """Whom to have nothing to do with."""

    member_id: strawberry.ID = given("The member.", refers="Member")


@taking
class UnblockMemberInput(Input):
    """Whom not to avoid any longer."""

    member_id: strawberry.ID = given("The member.", refers="Member")


@taking
class ReportMemberInput(Input):
    """What moderators should know about a member."""

    member_id: strawberry.ID = given("The member.", refers="Member")
    reason: ReportReason = given("What it is about.")
    body: str = given("What happened; 4000 characters at most.")
    context: str | None = maybe("Where it happened: a link, or the `id` of a post; 500 characters at most.")


@taking
class ResolveMemberReportInput(Input):
    """A report that has been looked into."""

    member_report_id: strawberry.ID = given("The report.", refers="MemberReport")
    note: str = given("What was done about it, for moderators alone.")


@taking
class GrantRoleInput(Input):
    """A role for somebody."""

    member_id: strawberry.ID = given("The member.", refers="Member")
    role: Role = given("Which.")


@taking
class EndRoleInput(Input):
    """A role somebody shall hold no more."""

    member_id: strawberry.ID = given("The member.", refers="Member")
    role: Role = given("Which.")


_roles = ("roles", list[str], "The roles they hold now.")
mutations = [
    mutation(
        "block_member", IDENTITY, "POST", "/members/{member_id}/block", takes=BlockMemberInput,
        gives=("block", Block, "The block."),
        description="Have nothing to do with a member any more: neither is brought together with the other. They are "
        "not told.",
    ),
    mutation(
        "unblock_member", IDENTITY, "POST", "/members/{member_id}/unblock", takes=UnblockMemberInput,
        description="Lift a block; where there is none, nothing changes.",
    ),
    mutation(
        "report_member", IDENTITY, "POST", "/members/{member_id}/report", takes=ReportMemberInput, alone=True,
        gives=("report", OwnReport, "The report."),
        description="Tell the moderators about a member. They are not told, and the two are never brought together "
        "again.",
    ),
    mutation(
        "resolve_member_report", IDENTITY, "POST", "/member-reports/{member_report_id}/resolve",
        takes=ResolveMemberReportInput, gives=("member_report", MemberReport, "The report."),
        description="Close a report; for moderators.",
    ),
    mutation(
        "grant_role", IDENTITY, "POST", "/members/{member_id}/roles", takes=GrantRoleInput, gives=_roles, bound=20,
        description="Give a member a role, from their next access token on; for owners.",
    ),
    mutation(
        "end_role", IDENTITY, "POST", "/members/{member_id}/roles/end", takes=EndRoleInput, gives=_roles, bound=20,
        description="Take a role from a member, from their next access token on; for owners.",
    ),
]  # fmt: skip
