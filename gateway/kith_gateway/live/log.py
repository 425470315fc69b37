"""The last events, kept so that who was away for a moment gets what they missed; and the cursors that name places."""

import base64
import binascii
import hashlib
from bisect import bisect_right
from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec

from kith_chassis.errors import Conflict, Invalid
from kith_gateway.context import refused

_DIGITS = 18


class InvalidCursor(Invalid):
    """This is not a cursor of a subscription; use the `cursor` of a payload."""

    code = "invalid_cursor"


class CursorTooOld(Conflict):
    """What happened since this cursor is not kept any more: fetch what you show anew, and listen without `after`."""

    code = "cursor_too_old"


class Happened(msgspec.Struct, gc=False):
    """An event as it came, and its place in the stream."""

    id: str
    type: str
    tenant: str
    time: str
    data: dict[str, Any]
    place: int = 0


read = msgspec.json.Decoder(Happened).decode


class Log:
    """The events of the last `most` places of a stream, complete behind `floor`, in order, each once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.begin(datetime.min.replace(tzinfo=UTC), 0)

    def begin(self, created: datetime, floor: int) -> None:
        """The stream created then, from behind this place on."""
        # A cursor of another stream would name a place of this one where something else stands.
        self._stream = hashlib.sha256(created.isoformat().encode()).hexdigest()[:8]
        self.floor = self.newest = floor
        self._kept: deque[Happened] = deque()
        self._ids: set[str] = set()

    def add(self, event: Happened) -> bool:
        """Keep an event; False when the stream holds it twice, and this is the second."""
        self.newest = event.place
        if event.id in self._ids:
            return False
        self._kept.append(event)
        self._ids.add(event.id)
        while self._kept and self._kept[0].place <= event.place - self._most:
            forgotten = self._kept.popleft()
            self._ids.discard(forgotten.id)
            self.floor = forgotten.place
        return True

    def cursor(self, place: int) -> str:
        """The cursor of a place."""
        return base64.urlsafe_b64encode(f"{self._stream}:{place}".encode()).decode().rstrip("=")

    def place(self, cursor: str) -> int:
        """The place a cursor names. Raises UpstreamError (INVALID_CURSOR, CURSOR_TOO_OLD).

        It may be ahead of what is known here: whoever gave it out was faster.
        """
        try:
            plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
            stream, _, written = plain.partition(":")
            place = int(written) if written.isdecimal() and len(written) <= _DIGITS else -1
        except (binascii.Error, ValueError):
            raise refused(InvalidCursor()) from None
        if place < 0 or len(stream) != len(self._stream):
            raise refused(InvalidCursor())
        if stream != self._stream or place < self.floor:
            raise refused(CursorTooOld())
        return place

    def behind(self, place: int) -> list[Happened]:
        """What is known to have happened behind a place, in order."""
        kept = list(self._kept)
        return kept[bisect_right(kept, place, key=lambda event: event.place) :]
