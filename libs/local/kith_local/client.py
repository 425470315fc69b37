"""A GraphQL client that does not give up: a write is retried with the same `clientMutationId`, so it happens once."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from kith_local.errors import LocalError
from kith_local.layout import Installation

PATIENCE_SECONDS = 120.0
FAILING_SECONDS = 5.0
"""How long one answer after another may be INTERNAL: a moment of that is a database restarting, more is a defect."""
_RETRIED = {"RATE_LIMITED", "SERVICE_UNAVAILABLE", "UNAVAILABLE", "INTERNAL"}


class GraphQLError(LocalError):
    """The API refused; `code` is what a program switches on."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(f"{path + ': ' if path else ''}{message} ({code})")
        self.code = code


class Client:
    """Operations against one gateway, as somebody (a login) or nobody."""

    def __init__(self, http: httpx.AsyncClient, url: str, *, token: str | None = None) -> None:
        self._http = http
        self.url = url
        self.token = token
        self.login: dict[str, str] | None = None

    def anonymous(self) -> "Client":
        return Client(self._http, self.url)

    def with_token(self, token: str) -> "Client":
        """The same gateway as the holder of an access token, for as long as that lasts."""
        return Client(self._http, self.url, token=token)

    async def signed_in(self, *, community: str, email: str, password: str) -> "Client":
        """The same gateway as the holder of this login; signs in again when the token expires."""
        client = Client(self._http, self.url)
        client.login = {"community": community, "email": email, "password": password}
        await client._sign_in()
        return client

    async def _sign_in(self) -> None:
        assert self.login is not None  # noqa: S101 -- called only where there is one
        answer = await self.anonymous().mutate(
            "mutation($input: LogInInput!) { logIn(input: $input) { login { accessToken } errors { code message } } }",
            self.login,
        )
        self.token = answer["login"]["accessToken"]

    async def query(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of a query; GraphQLError when any part of it failed."""
        return await self._execute(document, variables)

    async def mutate(self, document: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The payload of a document with one mutation that takes `$input`; GraphQLError for the first typed error."""
        variables = {"input": {**given, "clientMutationId": secrets.token_hex(12)}}
        data = await self._execute(document, variables)
        payload: dict[str, Any] = next(iter(data.values()))
        for error in payload.get("errors") or []:
            raise GraphQLError(error["code"], error["message"], next(iter(data)))
        return payload

    async def pages(self, document: str, *, first: int = 200, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """The nodes of the one connection a query with `$first` and `$after` asks for, page by page."""
        after = None
        while True:
            data = await self.query(document, first=first, after=after, **variables)
            connection = next(iter(data.values()))
            for edge in connection["edges"]:
                yield edge["node"]
            if not connection["pageInfo"]["hasNextPage"]:
                return
            after = connection["pageInfo"]["endCursor"]

    async def _execute(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        ends, wait = time.monotonic() + PATIENCE_SECONDS, 0.1
        failing: float | None = None
        while True:
            try:
                return await self._once(document, variables)
            except (httpx.TransportError, GraphQLError) as error:
                code = getattr(error, "code", None)
                if code == "UNAUTHENTICATED" and self.login is not None:
                    await self._sign_in()
                    continue
                if code is not None and code not in _RETRIED:
                    raise
                now = time.monotonic()
                failing = (failing or now) if code == "INTERNAL" else None
                if failing is not None and now + wait > failing + FAILING_SECONDS:
                    logs = Installation.from_environment().logs
                    raise LocalError(f"{self.url}: the server failed (INTERNAL); its log is in {logs}.") from error
                if now > ends:
                    raise LocalError(
                        f"{self.url} has not answered for {PATIENCE_SECONDS:.0f} s ({error}). Is `make run` running?"
                    ) from error
            await asyncio.sleep(wait)
            wait = min(wait * 2, 2.0)

    async def _once(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = await self._http.post(self.url, json={"query": document, "variables": variables}, headers=headers)
        try:
            body = answer.json()
        except ValueError:
            raise GraphQLError("UNAVAILABLE", f"HTTP {answer.status_code} without JSON") from None
        for error in body.get("errors") or []:
            code = (error.get("extensions") or {}).get("code", "UNKNOWN")
            raise GraphQLError(code, error["message"], ".".join(map(str, error.get("path") or [])))
        if "data" not in body:  # a problem document: the gateway itself refused
            code = "UNAVAILABLE" if answer.is_server_error else str(body.get("code", "refused")).upper()
            raise GraphQLError(code, str(body.get("detail", answer.status_code)))
        data: dict[str, Any] = body["data"]
        return data


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Client]:
    """A client for the gateway whose GraphQL is at `url`, signed in as nobody."""
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=20)
    async with httpx.AsyncClient(timeout=90, trust_env=False, limits=limits) as http:
        yield Client(http, url)
