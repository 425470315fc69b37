"""Publishing to a stream in atomic batches (NATS ADR-50): all messages of a batch are stored, or none.

With `sync_interval: always` a batch costs one sync to the disk instead of one for each message.
"""

import json
import logging
import secrets
from collections.abc import Sequence

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.client import JetStreamContext

from kith_stream.wire import send

log = logging.getLogger(__name__)
_BATCH = 500  # the server allows 1,000
_ANSWER_SECONDS = 5.0


class BatchRefused(NatsError):  # noqa: N818 -- a noun, as all that can go wrong
    """The stream did not take the batch; nothing of it is stored. `code` is JetStream's error code."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"atomic batch refused: {description} ({code})")
        self.code = code


async def publish(client: Client, js: JetStreamContext, messages: Sequence[tuple[str, str, bytes]]) -> None:
    """Store (subject, `Nats-Msg-Id`, body) messages in this order; raises unless all of them are stored.

    A batch that holds a message already stored is refused as a whole; then each goes alone and the stream drops the
    ones it has.
    """
    for start in range(0, len(messages), _BATCH):
        part = messages[start : start + _BATCH]
        try:
            await publish_atomically(client, part)
        except BatchRefused as refusal:
            log.warning("atomic batch refused", extra={"code": refusal.code})
            for subject, message_id, body in part:
                await js.publish(subject, body, headers={"Nats-Msg-Id": message_id})


async def publish_atomically(client: Client, messages: Sequence[tuple[str, str, bytes]]) -> None:
    """Store (subject, `Nats-Msg-Id`, body) messages, 1 to 1,000, in this order; returns when they are on the stream.

    Raises BatchRefused when the stream said no, for instance because it has one of the ids already, and nats-py's
    errors (no responders, timeout) when it is not known what became of the batch.
    """
    batch = secrets.token_hex(16)
    frames = []
    for number, (subject, message_id, body) in enumerate(messages[:-1], start=1):
        head = (
            f"NATS/1.0\r\nNats-Msg-Id: {message_id}\r\nNats-Batch-Id: {batch}\r\nNats-Batch-Sequence: {number}\r\n\r\n"
        )
        size = len(head)
        frames.append(f"HPUB {subject} {size} {size + len(body)}\r\n{head}".encode() + body + b"\r\n")
    if frames:
        await send(client, frames)
    subject, message_id, body = messages[-1]
    headers = {
        "Nats-Msg-Id": message_id,
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(len(messages)),
        "Nats-Batch-Commit": "1",
    }
    reply = await client.request(subject, body, timeout=_ANSWER_SECONDS, headers=headers)
    answer = json.loads(reply.data)
    if "error" in answer:
        error = answer["error"]
        raise BatchRefused(int(error.get("err_code", 0)), str(error.get("description", "")))
    if int(answer.get("count", 0)) != len(messages):
        raise BatchRefused(0, f"{answer.get('count', 0)} of {len(messages)} messages arrived")
