from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, computed_field

from kith_chassis.database import OpenTransaction, Transaction
from kith_chassis.errors import problems
from kith_chassis.idempotency import router
from kith_chassis.pages import After, First, InvalidCursor, Page
from kith_chassis.tokens import Principal, permitted
from kith_identity.apps import apps
from kith_identity.errors import AppRefused, NoSuchApp, TooManyApps
from kith_identity.permissions import SCOPES, Scope
from kith_identity.profiles import Name
from kith_identity.shapes import Signing

AppManager = Annotated[Principal, Depends(permitted("apps:manage"))]

routes = router(tags=["apps"])


class AppIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Name
    scopes: list[Scope] = Field(max_length=len(SCOPES))


class AppOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    scopes: list[str]
    registered_by: UUID
    registered_at: datetime
    revoked_at: datetime | None

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def client_id(self) -> str:
        return str(self.id)


class KeyedOut(BaseModel):
    app: AppOut
    secret: str


class CredentialsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    app_id: str = Field(max_length=100)
    secret: str = Field(max_length=200)


@routes.post("/apps/token", responses=problems(AppRefused))
async def app_token(body: CredentialsIn, signer: Signing, session: OpenTransaction) -> apps.AppToken:
    return await apps.token(session, signer, app_id=body.app_id, secret=body.secret)


@routes.post("/apps", status_code=201, responses=problems(TooManyApps))
async def register_app(body: AppIn, actor: AppManager, session: Transaction) -> KeyedOut:
    made = await apps.register(session, actor_id=actor.subject, name=body.name, scopes=body.scopes)
    return KeyedOut.model_validate(made, from_attributes=True)


@routes.get("/apps", responses=problems(InvalidCursor))
async def list_apps(_: AppManager, session: Transaction, first: First = 50, after: After = None) -> Page[AppOut]:
    rows, cursor = await apps.listed(session, first=first, after=after)
    return Page(items=[AppOut.model_validate(row) for row in rows], next_cursor=cursor)


@routes.post("/apps/{app_id}/secret", responses=problems(NoSuchApp))
async def replace_app_secret(app_id: UUID, actor: AppManager, session: Transaction) -> KeyedOut:
    made = await apps.replace_secret(session, actor_id=actor.subject, app_id=app_id)
    return KeyedOut.model_validate(made, from_attributes=True)


@routes.post("/apps/{app_id}/revoke", responses=problems(NoSuchApp))
async def revoke_app(app_id: UUID, actor: AppManager, session: Transaction) -> AppOut:
    return AppOut.model_validate(await apps.revoke(session, actor_id=actor.subject, app_id=app_id))
