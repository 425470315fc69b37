"""The NATS protocol where it is hot: frames sent in one write, pulled messages read without nats-py's ceremony.

Everything rare (INFO, PING, errors, replies, other subscriptions) goes to nats-py's own parser and handlers.
"""

from collections.abc import Callable, Sequence

from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

Take = Callable[[str, str, bytes, bytes], None]
"""Called with subject, reply subject, header block (empty: none) and payload of each message. Must not raise."""
_END = b"\r\n"
_LONGEST_LINE = 4096  # the server's default; a longer one is no protocol line


async def send(client: Client, frames: Sequence[bytes]) -> None:
    """Send protocol frames in one write."""
    await client._send_command(b"".join(frames))  # noqa: SLF001 -- what publish calls
    await client._flush_pending()  # noqa: SLF001 -- the same


class FastParser(Parser):
    """nats-py's parser, with a way past it for subscriptions that take whole batches."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.takers: dict[bytes, Take] = {}

    def reset(self) -> None:
        super().reset()
        self._rest = b""

    async def parse(self, data: bytes = b"") -> None:
        """Dispatch every whole frame in what has come; keep the rest for the next time."""
        held, at = self._rest + data if self._rest else data, 0
        while (end := held.find(_END, at)) >= 0:
            if held.startswith((b"MSG ", b"HMSG "), at):
                after = await self._message(held, at, end)
                if after < 0:  # not all of it is here
                    break
                at = after
            else:
                self.buf = bytearray(held[at : end + 2])
                await super().parse()
                at = end + 2
        self._rest = held[at:]
        if end < 0 and len(self._rest) > _LONGEST_LINE:
            raise ProtocolError("nats: a line without end")

    async def _message(self, held: bytes, at: int, end: int) -> int:
        """Hand one message over; returns where the next frame begins, -1 when this one is not whole yet."""
        words = held[at:end].split()  # MSG subject sid [reply] total; HMSG subject sid [reply] head total
        headed = words[0] == b"HMSG"
        try:
            head, total = int(words[-2]) if headed else 0, int(words[-1])
            subject, sid, reply = words[1], words[2], words[3] if len(words) > 4 + headed else b""
        except (ValueError, IndexError) as error:
            raise ProtocolError("nats: malformed MSG") from error
        if not (4 + headed <= len(words) <= 5 + headed and 0 <= head <= total):
            raise ProtocolError("nats: malformed MSG")
        body = end + 2 + head
        last = end + 2 + total
        if len(held) < last + 2:
            return -1
        if held[last : last + 2] != _END:
            raise ProtocolError("nats: a message of another length than it says")
        take = self.takers.get(sid)
        if take is not None:
            take(subject.decode(), reply.decode(), held[end + 2 : body], held[body:last])
        else:
            header = held[end + 2 : body] if headed else None
            await self.nc._process_msg(int(sid), subject, reply, held[body:last], header)  # noqa: SLF001 -- as its parser
        return last + 2


def fast(client: Client) -> FastParser:
    """The client's parser; put in place at the first call, before the client connects or between two reads."""
    parser = client._ps  # noqa: SLF001 -- there is no other way in
    if not isinstance(parser, FastParser):
        parser = FastParser(client)
        client._ps = parser  # noqa: SLF001 -- the same
    return parser
