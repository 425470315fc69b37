"""Third-party apps and what they may do."""

from datetime import datetime
from enum import Enum

import strawberry

from kith_gateway.joins import IDENTITY, identifier, joined, paged, plain
from kith_gateway.schema.identity import Member
from kith_gateway.types import Connection, enumeration, given, record, taking
from kith_gateway.writes import Input, mutation


@enumeration
class Scope(Enum):
    """What an app may be allowed; who may coordinate or import may read as well.

    `METRICS_READ` shows what coordinators are shown: which members are isolated and why, and who has to do with whom.
    """

    MEMBERS_READ = "members:read"
    MEMBERS_READ_PRIVATE = "members:read_private"
    MEMBERS_IMPORT = "members:import"
    MATCHING_READ = "matching:read"
    MATCHING_COORDINATE = "matching:coordinate"
    GROUPS_READ = "groups:read"
    GROUPS_COORDINATE = "groups:coordinate"
    RECOGNITION_READ = "recognition:read"
    RECOGNITION_COORDINATE = "recognition:coordinate"
    METRICS_READ = "metrics:read"


@record
class App:
    """Third-party software that acts in the community by itself. It takes no part: it is no member."""

    id: strawberry.ID = identifier("App")
    client_id: str = plain("What it names itself with when it asks for an access token.")
    name: str = plain("Its name.")
    scopes: list[Scope] = plain("What it may do.", bound=10)
    registered_at: datetime = plain("Since when.")
    revoked_at: datetime | None = plain("When it was revoked.")
    registered_by: Member | None = joined(
        IDENTITY, "/read/members", key="registered_by", description="Who registered it."
    )


@record
class KeyedApp:
    """An app and its secret, which is shown this once."""

    app: App = plain("The app.")
    secret: str = plain("With it the app asks for access tokens; keep it where nobody else reads.")


@strawberry.type
class Query:
    apps: Connection[App] | None = paged(
        IDENTITY, "/apps", description="The apps of the community, the newest first, also the revoked; for owners."
    )


@taking
class RegisterAppInput(Input):
    """An app."""

    name: str = given("Its name, 1 to 120 characters.")
    scopes: list[Scope] = given(
        "What it may do; nothing else, and nothing at all when empty. METRICS_READ names who is isolated, and why."
    )


@taking
class ReplaceAppSecretInput(Input):
    """An app that shall have another secret."""

    app_id: strawberry.ID = given("The app.", refers="App")


@taking
class RevokeAppInput(Input):
    """An app that shall do nothing any more."""

    app_id: strawberry.ID = given("The app.", refers="App")


_keyed = ("keyed_app", KeyedApp, "The app and its secret.")
mutations = [
    mutation(
        "register_app", IDENTITY, "POST", "/apps", takes=RegisterAppInput, gives=_keyed,
        description="Let an app act in the community within its scopes; for owners.",
    ),
    mutation(
        "replace_app_secret", IDENTITY, "POST", "/apps/{app_id}/secret", takes=ReplaceAppSecretInput, gives=_keyed,
        description="Give an app another secret; the old one is worth nothing from then on. For owners.",
    ),
    mutation(
        "revoke_app", IDENTITY, "POST", "/apps/{app_id}/revoke", takes=RevokeAppInput, gives=("app", App, "The app."),
        description="Give an app no more tokens; the last one is good for minutes. For owners.",
    ),
]  # fmt: skip
