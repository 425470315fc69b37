"""What can be done before login, with one's own profile, and with members."""

import strawberry
from strawberry.scalars import JSON

from kith_gateway.joins import IDENTITY, identifier, plain
from kith_gateway.schema.identity import Member, OnboardingStep
from kith_gateway.types import given, maybe, record, taking
from kith_gateway.writes import Input, mutation


@record
class Founding:
    """A new community and its owner."""

    community_id: strawberry.ID = identifier("Community", key="community_id", description="The community's id.")
    owner_id: strawberry.ID = identifier("Member", key="owner_id", description="The owner's id.")


@record
class Joining:
    """Somebody who has just joined."""

    member_id: strawberry.ID = identifier("Member", key="member_id", description="The new member's id.")


@record
class Login:
    """A login. The access token goes into the header `Authorization: Bearer …`; the refresh token gets the next."""

    access_token: str = plain("Short-lived; sent with every request.")
    refresh_token: str = plain("Good once, and again for 30 seconds where the answer was lost; keep it secret.")
    expires_in: int = plain("Seconds until the access token expires.")
    member_id: strawberry.ID = identifier("Member", key="member_id", description="Who has signed in.")
    community_id: strawberry.ID = identifier("Community", key="community_id", description="Where.")


@record
class Invitation:
    """A one-time way in for a member who has no password yet."""

    member_id: strawberry.ID = identifier("Member", key="member_id", description="Who is invited.")
    token: str = plain("What redeemInvitation takes; send it to this member and nobody else.")


@record
class RowError:
    """What is wrong with a row of a list."""

    line: int = plain("The row's `line`, or its number.")
    column: str = plain("The column to correct.")
    reason: str = plain("What is wrong with it.")


@record
class Imported:
    """What an import did; the rows with errors were left out, the others are stored."""

    created: int = plain("What is new.")
    updated: int = plain("What was there and changed.")
    unchanged: int = plain("Rows that changed nothing.")
    errors: list[RowError] = plain("Rows that were left out, and why.", bound=10_000)


@taking
class AccountInput:
    """Someone's new login."""

    email: str = given("The address they sign in with.")
    password: str = given("At least 10 characters.")
    display_name: str = given("What others call them.")


@taking
class FoundCommunityInput(Input):
    """A new community and its first member."""

    name: str = given("Its name.")
    slug: str = given("Its name in addresses and at login: lower-case letters, digits, single hyphens.")
    mission: str = given("What it is for.")
    owner: AccountInput = given("Who founds it and owns it.")


@taking
class JoinInput(Input):
    """A newcomer."""

    community: str = given("The community's slug.")
    email: str = given("The address they sign in with.")
    password: str = given("At least 10 characters; the one they have when the address is known here.")
    display_name: str = given("What others call them.")


@taking
class LogInInput(Input):
    """Credentials."""

    community: str = given("The community's slug.")
    email: str = given("The address.")
    password: str = given("The password.")


@taking
class RefreshSessionInput(Input):
    """The newest refresh token of a login."""

    refresh_token: str = given("The refresh token the last login or refresh gave.")


@taking
class LogOutInput(Input):
    """The newest refresh token of a login."""

    refresh_token: str = given("The refresh token the last login or refresh gave.")


@taking
class ChangePasswordInput(Input):
    """The caller's password, and the one to be."""

    old: str = given("The password until now.")
    new: str = given("The password from now on: at least 10 characters.")


@taking
class InviteMembersInput(Input):
    """Members who were imported and shall be able to sign in."""

    member_ids: list[strawberry.ID] = given("Whom to invite; 500 at most.", refers="Member")


@taking
class RedeemInvitationInput(Input):
    """An invitation, and with address and password a login from then on."""

    token: str = given("The invitation's token.")
    email: str | None = maybe("The address to sign in with from now on, where none is known yet.")
    password: str | None = maybe("The password from now on.")


@taking
class SkillInput:
    """Something a member knows or wants to know."""

    tag: str = given("What it is.")
    level: int | None = maybe("From 1 (knows of it) to 5 (teaches it); 3 when left out.")


@taking
class WindowInput:
    """A recurring stretch of free time on the member's wall clock; one that ends before it starts crosses midnight."""

    weekday: int = given("0 is Monday.")
    start: int = given("Minutes after midnight.")
    end: int = given("Minutes after midnight.")


@taking
class DatedWindowInput:
    """An exception to the weekly windows."""

    date: str = given("The day, ISO 8601.")
    available: bool = given("Whether the member is free then.")
    start: int | None = maybe("Minutes after midnight; 0 when left out.")
    end: int | None = maybe("Minutes after midnight; 1440 when left out.")


@taking
class UpdateProfileInput(Input):
    """What to change of one's own profile; what is left out stays, null empties."""

    display_name: str | None = maybe("What others call them.")
    bio: str | None = maybe("What they say about themselves.")
    skills_offered: list[SkillInput] | None = maybe("What they know.")
    skills_wanted: list[SkillInput] | None = maybe("What they would like to learn.")
    interests: list[str] | None = maybe("What they care about.")
    goals: list[str] | None = maybe("What they are after.")
    languages: list[str] | None = maybe("Languages they speak, BCP 47.")
    links: list[str] | None = maybe("Where else they are found: http or https.")
    experience_years: float | None = maybe("Years of experience.")
    weekly_hours: float | None = maybe("Hours a week they have for others.")
    time_zone: str | None = maybe("IANA time zone of their wall clock.")
    availability: list[WindowInput] | None = maybe("When they usually have time.")
    availability_exceptions: list[DatedWindowInput] | None = maybe("When it is different.")
    visibility: JSON | None = maybe("Who sees which field: {field: everyone, staff or self}.")


@taking
class CompleteMicroTaskInput(Input):
    """A task of the onboarding checklist."""

    key: str = given("Its key.")


@taking
class ImportMembersInput(Input):
    """Rows of a member list, 1000 at most; a row is recognised by external_id or email."""

    rows: list[JSON] = given(
        "Objects with `line` (given back with errors), external_id or email, display_name, and any field of a profile, "
        "in snake_case. What a row leaves out stays as it is."
    )


@taking
class LeaveCommunityInput(Input):
    """To leave the community."""


@taking
class RemoveMemberInput(Input):
    """Who is to be removed."""

    member_id: strawberry.ID = given("The member.", refers="Member")


_login = ("login", Login, "The login.")
mutations = [
    mutation(
        "found_community", IDENTITY, "POST", "/communities", takes=FoundCommunityInput, public=True, alone=True,
        gives=("founding", Founding, "What was founded."), description="Found a community.",
    ),
    mutation(
        "join", IDENTITY, "POST", "/join", takes=JoinInput, public=True, alone=True,
        gives=("joining", Joining, "Who joined."), description="Join a community.",
    ),
    mutation(
        "log_in", IDENTITY, "POST", "/sessions", takes=LogInInput, public=True, keyed=False,
        alone=True, gives=_login, description="Sign in.",
    ),
    mutation(
        "refresh_session", IDENTITY, "POST", "/sessions/refresh", takes=RefreshSessionInput, public=True, keyed=False,
        alone=True, gives=_login, description="Get the next access token.",
    ),
    mutation(
        "log_out", IDENTITY, "POST", "/sessions/end", takes=LogOutInput, public=True,
        description="End a login on every device that shares it.",
    ),
    mutation(
        "redeem_invitation", IDENTITY, "POST", "/invitations/redeem", takes=RedeemInvitationInput, public=True,
        alone=True, gives=_login, description="Sign in with an invitation, once.",
    ),
    mutation(
        "invite_members", IDENTITY, "POST", "/invitations", takes=InviteMembersInput, alone=True,
        gives=("invitations", list[Invitation], "One for each, in their order."), bound=500,
        description="Make invitations for members who cannot sign in yet.",
    ),
    mutation(
        "update_profile", IDENTITY, "PATCH", "/me", takes=UpdateProfileInput,
        gives=("member", Member, "The caller as changed."), description="Change one's own profile.",
    ),
    mutation(
        "change_password", IDENTITY, "POST", "/me/password", takes=ChangePasswordInput, alone=True,
        gives=("login", Login, "A new login, in place of all there were."),
        description="Change the caller's password; every other login of theirs ends, in every community.",
    ),
    mutation(
        "complete_micro_task", IDENTITY, "POST", "/onboarding/{key}/complete", takes=CompleteMicroTaskInput,
        gives=("onboarding", list[OnboardingStep], "The whole checklist."), bound=50,
        description="Tick off a task of the onboarding checklist.",
    ),
    mutation(
        "leave_community", IDENTITY, "POST", "/me/leave", takes=LeaveCommunityInput,
        description="Leave the community; every login of the caller ends.",
    ),
    mutation(
        "remove_member", IDENTITY, "POST", "/members/{member_id}/remove", takes=RemoveMemberInput,
        description="Remove a member; all their logins end, what they did stays. For owners.",
    ),
    mutation(
        "import_members", IDENTITY, "POST", "/members/import", takes=ImportMembersInput,
        gives=("imported", Imported, "What was done with the rows."),
        description="Import members; the same rows twice change nothing.",
    ),
]  # fmt: skip
