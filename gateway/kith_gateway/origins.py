"""Pages on other hosts: which may call the API from a browser, and over WebSockets. None, unless they are named.

No cookie means anything here: who calls says so with `Authorization`, which a browser adds to nothing by itself. So
credentials are never allowed, a page that is not named reads no answer, and its preflight is refused.
"""

import re
from typing import Annotated

from pydantic import AfterValidator
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_ORIGIN = re.compile(r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_HEADERS = ("Authorization", "Content-Type")
_REMEMBERED_SECONDS = 3600


def _an_origin(value: str) -> str:
    """As browsers write it, or nobody would be let in by it; and never all of them."""
    if not _ORIGIN.fullmatch(value):
        raise ValueError("is not an origin like https://app.example.org: scheme and host, in lower case, and no path")
    if re.fullmatch(r"http://.*:80|https://.*:443", value):
        raise ValueError("names the port of an origin that goes without saying; browsers leave it out")
    return value


Origin = Annotated[str, AfterValidator(_an_origin)]


class OtherOrigins:
    """CORS for /graphql and the origins in the settings, which are read when the process starts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._origins: list[str] = []
        self._cors: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/graphql":
            await self._app(scope, receive, send)
            return
        origins: list[str] = scope["app"].state.settings.allowed_origins
        if origins != self._origins:
            self._origins, self._cors = origins, self._of(origins)
        await self._cors(scope, receive, send)

    def _of(self, origins: list[str]) -> ASGIApp:
        if not origins:
            return self._app
        return CORSMiddleware(
            self._app,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=_HEADERS,
            expose_headers=["Retry-After"],
            max_age=_REMEMBERED_SECONDS,
        )
