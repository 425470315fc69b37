"""How uvicorn serves WebSockets here: without compression, and never stuck on a client that does not read.

Compression takes more memory for each connection than everything else together; payloads are small.
"""

import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from kith_gateway.live.sockets import Allowance

_quiet = logging.getLogger("kith_gateway.live.websockets")
_quiet.setLevel(logging.WARNING)  # its lines of INFO hold the addresses of people
_CUT_SECONDS = 10.0


class Sockets(WebSocketsSansIOProtocol):
    """What uvicorn does, with an end for connections whose client has stopped reading."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.logger = _quiet
        self._pings = Allowance()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"]["kith"] = {"abort": self.transport.abort}

    def handle_ping(self) -> None:
        """Answer a ping; as many are borne as messages, for the answers wait in memory until they are read."""
        if self._pings.takes():
            super().handle_ping()
        else:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        # `close` would wait for what is buffered to be read, by one who does not even answer.
        super().keepalive_timeout()
        self.loop.call_later(_CUT_SECONDS, self.transport.abort)


def options(*, max_message_bytes: int) -> dict[str, Any]:
    """What uvicorn is told."""
    return {
        "ws": Sockets,
        "ws_max_size": max_message_bytes,
        "ws_per_message_deflate": False,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
    }
