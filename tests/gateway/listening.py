"""A client of graphql-transport-ws, by the letter, over a real WebSocket."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import websockets

from kith_testkit.probe import Actor

PATIENCE = 20.0
POSTS = """
subscription Posts($space: ID, $thread: ID, $after: String) {
  postWritten(spaceId: $space, threadId: $thread, after: $after) {
    cursor happenedAt spaceId threadId post { id body author { id displayName } thread { title } }
  }
}
"""


class Client:
    """One connection; what comes for each subscription, in order."""

    def __init__(self, socket):
        self.socket = socket
        self.cursor = None

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def init(self, by, **payload):
        token = by.token() if isinstance(by, Actor) else by
        await self.send(type="connection_init", payload={"authorization": f"Bearer {token}"} | payload)
        ack = await self.next()
        assert ack["type"] == "connection_ack", ack
        self.cursor = ack["payload"]["cursor"]
        return self

    async def subscribe(self, query, variables=None, *, id_="1", **payload):
        await self.send(type="subscribe", id=id_, payload={"query": query, "variables": variables or {}} | payload)

    async def next(self, seconds=PATIENCE):
        async with asyncio.timeout(seconds):
            return json.loads(await self.socket.recv())

    async def data(self, n=1, *, of="1"):
        """The data of the next payloads of a subscription, which must go right."""
        found = []
        while len(found) < n:
            message = await self.next()
            assert (message["type"], message["id"]) == ("next", of), message
            assert "errors" not in message["payload"], message
            found.append(message["payload"]["data"])
        return found

    async def error(self, of="1"):
        """The code of the error that ends a subscription."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("error", of), message
        return message["payload"][0]["extensions"]["code"]

    async def silent(self):
        """Whether nothing was on the way: a pong overtakes nothing."""
        await self.send(type="ping")
        return (await self.next())["type"] == "pong"

    async def closed(self):
        """Code and reason the server closes with; what came before is passed over."""
        ends = time.monotonic() + PATIENCE
        try:
            while True:
                async with asyncio.timeout(ends - time.monotonic()):
                    await self.socket.recv()
        except websockets.ConnectionClosed as error:
            return (error.rcvd.code, error.rcvd.reason) if error.rcvd is not None else (1006, "")


@asynccontextmanager
async def connected(url, by=None, *, subprotocols=("graphql-transport-ws",), **options):
    """A connection to the gateway at this address; acknowledged where `by` says as whom."""
    address = f"ws{url.removeprefix('http')}/graphql"
    async with websockets.connect(address, subprotocols=list(subprotocols) or None, compression=None, **options) as it:
        client = Client(it)
        yield await client.init(by) if by is not None else client


def bodies(payloads):
    """What the posts say."""
    return [each["postWritten"]["post"]["body"] for each in payloads]
