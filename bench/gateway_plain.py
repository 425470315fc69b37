"""The same schema as Strawberry's documentation builds it: resolvers, a DataLoader per join, httpx, FastAPI's router.

`UPSTREAM=http://… uvicorn bench.gateway_plain:app`
"""

import base64
import os
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import strawberry
from fastapi import FastAPI
from strawberry.dataloader import DataLoader
from strawberry.fastapi import BaseContext, GraphQLRouter

client = httpx.AsyncClient(base_url=os.environ.get("UPSTREAM", "http://127.0.0.1:1"))


def many(route: str) -> Callable[[list[str]], Awaitable[list[Any]]]:
    async def load(keys: list[str]) -> list[Any]:
        return list((await client.post(route, json={"keys": keys})).json())

    return load


class Context(BaseContext):
    def __init__(self) -> None:
        super().__init__()
        self.members = DataLoader(load_fn=many("/read/members"))
        self.groups = DataLoader(load_fn=many("/read/groups-by-member"))
        self.memberships = DataLoader(load_fn=many("/read/memberships-by-group"))


Info = strawberry.Info[Context, None]


def global_id(kind: str, key: str) -> strawberry.ID:
    return strawberry.ID(base64.b64encode(f"{kind}:{key}".encode()).decode())


@strawberry.type
class Member:
    key: strawberry.Private[str]
    id: strawberry.ID
    display_name: str
    joined_at: str

    @classmethod
    def of(cls, found: dict[str, Any]) -> "Member":
        key = found["id"]
        return cls(
            key=key, id=global_id("Member", key), display_name=found["display_name"], joined_at=found["joined_at"]
        )

    @strawberry.field
    async def groups(self, info: Info) -> list["Group"]:
        return [Group.of(each) for each in await info.context.groups.load(self.key)]


@strawberry.type
class Membership:
    member_key: strawberry.Private[str]
    role: str

    @strawberry.field
    async def member(self, info: Info) -> Member:
        return Member.of(await info.context.members.load(self.member_key))


@strawberry.type
class Group:
    key: strawberry.Private[str]
    id: strawberry.ID
    name: str

    @classmethod
    def of(cls, found: dict[str, Any]) -> "Group":
        return cls(key=found["id"], id=global_id("Group", found["id"]), name=found["name"])

    @strawberry.field
    async def memberships(self, info: Info) -> list[Membership]:
        found = await info.context.memberships.load(self.key)
        return [Membership(member_key=each["member_id"], role=each["role"].upper()) for each in found]


@strawberry.type
class Edge:
    node: Member


@strawberry.type
class Members:
    edges: list[Edge]


@strawberry.type
class Query:
    @strawberry.field
    async def members(self, first: int) -> Members:
        found = (await client.get("/members", params={"first": first})).json()
        return Members(edges=[Edge(node=Member.of(each)) for each in found["items"]])

    @strawberry.field
    async def member(self, info: Info, id: strawberry.ID) -> Member:  # noqa: A002 -- Relay's name
        return Member.of(await info.context.members.load(base64.b64decode(id).decode().partition(":")[2]))


app = FastAPI()
app.include_router(GraphQLRouter(strawberry.Schema(Query), context_getter=Context), prefix="/graphql")
