"""The protocol is read the same however the bytes are cut, and what is not the protocol is refused."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError

from kith_stream.pulling import Message
from kith_stream.wire import FastParser


class FakeClient:
    """What a parser calls when something is not for a taker."""

    def __init__(self):
        self.heard = []

    async def _process_msg(self, sid, subject, reply, data, headers):
        self.heard.append(("message", sid, bytes(subject), bytes(reply), bytes(data), headers))

    async def _process_ping(self):
        self.heard.append("ping")

    async def _process_pong(self):
        self.heard.append("pong")

    async def _process_err(self, error):
        self.heard.append(("error", error))


def parsed(pieces, *, sid=b"7"):
    """What a taker of `sid` and the client hear when these bytes come."""
    client, taken = FakeClient(), []
    parser = FastParser(client)
    parser.takers[sid] = lambda *message: taken.append(message)

    async def feed():
        for piece in pieces:
            await parser.parse(piece)

    asyncio.run(feed())
    return taken, client.heard


BODY = st.binary(max_size=60)
REPLY = st.sampled_from([b"", b"$JS.ACK.K.c.1.2.3.4.5"])
HEADERS = st.sampled_from([b"", b"NATS/1.0\r\nNats-Msg-Id: x\r\n\r\n", b"NATS/1.0 408 Request Timeout\r\n\r\n"])
FRAME = st.one_of(
    st.tuples(st.sampled_from([b"7", b"8"]), REPLY, HEADERS, BODY),
    st.sampled_from([b"PING\r\n", b"PONG\r\n", b"-ERR 'no'\r\n", b"+OK\r\n"]),
)


def framed(frame):
    if isinstance(frame, bytes):
        return frame
    sid, reply, headers, body = frame
    place = b" ".join(part for part in (b"kith.a.b.v1", sid, reply) if part)
    if headers:
        return b"HMSG %b %d %d\r\n%b%b\r\n" % (place, len(headers), len(headers) + len(body), headers, body)
    return b"MSG %b %d\r\n%b\r\n" % (place, len(body), body)


@given(st.lists(FRAME, max_size=12), st.lists(st.integers(0, 400), max_size=6))
def test_frames_cut_anywhere_are_read_as_if_they_came_whole(frames, cuts):
    data = b"".join(map(framed, frames))
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert parsed(pieces) == parsed([data])
    taken, heard = parsed(pieces)
    wanted = [each for each in frames if not isinstance(each, bytes)]
    assert [(r.encode(), h, b) for _, r, h, b in taken] == [each[1:] for each in wanted if each[0] == b"7"]
    others = [(r, b, h or None) for sid, r, h, b in wanted if sid == b"8"]
    assert [(each[3], each[4], each[5]) for each in heard if each[0] == "message"] == others
    assert heard.count("ping") == frames.count(b"PING\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"MSG\r\n", b"MSG a\r\n", b"MSG a b c d e\r\n", b"HMSG a 7 x y\r\n", b"HMSG a 7 9\r\n",
        b"HMSG a 7 9 3\r\n1234\r\n",         b"MSG a 7 -1\r\n", b"MSG a 7 3\r\nabcde\r\n", b"x" * 5000, b"\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_not_the_protocol_is_refused(data):
    with pytest.raises(ProtocolError):
        parsed([data])


def test_a_message_says_how_it_was_delivered():
    short = Message("s", "$JS.ACK.KITH.groups.3.41.17.1700000000500000000.9", b"", b"")
    long = Message("s", "$JS.ACK.hub.A1.KITH.groups.3.41.17.1700000000500000000.9.tok", b"", b"")
    for each in (short, long):
        assert (each.delivered, each.sequence, each.stored_at, each.pending) == (3, 41, 1700000000.5, 9)


def test_a_header_is_found_by_its_name():
    message = Message("s", "r", b"NATS/1.0\r\nX-Nats-Msg-Id: no\r\nNats-Msg-Id:  one \r\nEmpty:\r\n\r\n", b"")
    assert (message.header("Nats-Msg-Id"), message.header("Empty"), message.header("None")) == ("one", "", None)
