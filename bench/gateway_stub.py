"""Services that answer at once, from memory: what is measured in front of them is the gateway.

`python -m bench.gateway_stub 28500`; the members, groups and memberships of `DATA` and the keys in `KITH_KEYS`.
"""

import os
import re
import sys
from typing import Any
from uuid import UUID

import msgspec
import uvicorn
from starlette.types import Receive, Scope, Send

MEMBERS, PER_GROUP = 50, 5
SINCE = "2026-03-01T18:00:00Z"


def _id(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 100) + number))


def _member(number: int) -> dict[str, Any]:
    return {
        "id": _id(1, number), "display_name": f"Member {number}", "joined_at": SINCE, "bio": "I like to help. " * 8,
        "skills_offered": [{"tag": "python", "level": 4}, {"tag": "sql", "level": 3}], "skills_wanted": [],
        "interests": ["gardens", "maps"], "goals": [], "languages": ["en", "pt"], "links": [],
        "experience_years": 4.5, "weekly_hours": 2, "time_zone": "Europe/Lisbon", "availability": [],
        "availability_exceptions": [], "visibility": {},
    }  # fmt: skip


def _group(number: int) -> dict[str, Any]:
    return {
        "id": _id(2, number), "kind": "circle", "name": f"Circle {number}", "purpose": "To meet.", "smallest": 4,
        "largest": 8, "reasons": {"language": "en", "waking_overlap_minutes": 480, "experience_spread": 3.5},
        "formed_at": SINCE,
    }  # fmt: skip


def _memberships(number: int) -> list[dict[str, Any]]:
    return [
        {"id": _id(3, number * 10 + n), "role": "member", "since": SINCE, "member_id": _id(1, (number + n) % MEMBERS)}
        for n in range(PER_GROUP)
    ]


def _post(key: str) -> dict[str, Any]:
    return {
        "id": key, "thread_id": _id(8, 0), "author_id": _id(1, 0), "reply_to_post_id": None, "body": "Like so. " * 13,
        "written_at": SINCE,
    }  # fmt: skip


_JSON = msgspec.json.encode
DATA: dict[str, dict[str, bytes]] = {
    "/read/members": {_id(1, n): _JSON(_member(n)) for n in range(MEMBERS)},
    "/read/groups-by-member": {_id(1, n): _JSON([_group(n)]) for n in range(MEMBERS)},
    "/read/memberships-by-group": {_id(2, n): _JSON(_memberships(n)) for n in range(MEMBERS)},
}


def answer(path: str, query: bytes, body: bytes) -> bytes:
    """What the services answer."""
    if path == "/keys":
        return os.environ["KITH_KEYS"].encode()
    if path == "/members":
        found = re.search(rb"first=(\d+)", query)
        items = list(DATA["/read/members"].values())[: int(found[1]) if found else 20]
        return b'{"items":[%s],"next_cursor":null}' % b",".join(items)
    if path == "/read/posts":
        posts = [_post(key) for key in msgspec.json.decode(body)["keys"]]
        return msgspec.json.encode(posts)
    if not path.startswith("/read/"):
        return b"{}"  # whatever it is told
    known = DATA.get(path, {})
    return b"[%s]" % b",".join(known.get(key, b"null") for key in msgspec.json.decode(body)["keys"])


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    content = answer(scope["path"], scope["query_string"], body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", access_log=False, log_level="warning")
