"""The events of one service, for whoever operates it: `python -m kith_events SERVICE COMMAND`.

Runs with the environment of the service's worker (on Kubernetes: in its container).
"""

import argparse
import asyncio
import json
import sys
from uuid import UUID

from fastapi import FastAPI
from uvicorn.importer import import_from_string

from kith_chassis.bus import open_bus
from kith_chassis.database import Database
from kith_chassis.settings import ServiceSettings
from kith_events.letters import Letter, NoSuchLetter, discard, letters, replay
from kith_events.reconcile import reconcile

_CONNECT_SECONDS = 20
_ALL = 100_000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kith_events", description="The events of one service.")
    parser.add_argument("service", help="identity, matching, groups, recognition, metrics or delivery")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("reconcile", help="compare the database with the stream and mend what differs")
    commands.add_parser("letters", help="the dead letters, the oldest first")
    for name, what in (("show", "a dead letter as it stood on the stream"), ("discard", "give a dead letter up")):
        commands.add_parser(name, help=what).add_argument("event_id", type=UUID, nargs="+")
    again = commands.add_parser("replay", help="apply dead letters now")
    again.add_argument("event_id", type=UUID, nargs="*")
    again.add_argument("--all", action="store_true", help="all there are")
    return parser.parse_args()


async def _run(asked: argparse.Namespace) -> int:
    try:
        app: FastAPI = import_from_string(f"kith_{asked.service}.main:app")
    except Exception as error:  # noqa: BLE001 -- uvicorn has its own error types for a module that is not there
        sys.exit(f"There is no service {asked.service} in this environment: {error}")
    settings: ServiceSettings = app.state.settings_type()
    database = Database(str(settings.worker_database_url or settings.database_url), pool_size=2, name="kith events")
    try:
        if asked.command == "reconcile":
            return await _reconcile(app, settings, database)
        return await _letters(app, asked, database)
    except NoSuchLetter as error:
        sys.exit(str(error))
    finally:
        await database.close()


async def _reconcile(app: FastAPI, settings: ServiceSettings, database: Database) -> int:
    async with open_bus(settings, name="kith events") as bus:
        try:
            await asyncio.wait_for(bus.established.wait(), _CONNECT_SECONDS)
        except TimeoutError:
            sys.exit(f"NATS at {settings.nats_url} does not answer.")
        days = settings.stream_max_age_days
        found = await reconcile(app.state.name, database, bus, app.state.consumers, stream_days=days)
    _say(
        f"{found.published} published events compared, {found.missing} were missing on the stream and wait again; "
        f"{found.delivered} delivered events compared, {found.unapplied} were not applied and are delivered again"
    )
    return 0


async def _letters(app: FastAPI, asked: argparse.Namespace, database: Database) -> int:
    if asked.command == "letters":
        for each in await letters(database, limit=_ALL):
            _say(f"{each.event_id}  {each.buried_at:%Y-%m-%d %H:%M}  {each.type}  {each.reason}")
        return 0
    chosen = asked.event_id
    if asked.command == "replay" and asked.all:
        chosen = [each.event_id for each in await letters(database, limit=_ALL)]
    if asked.command == "show":
        found = {each.event_id: each for each in await letters(database, ids=chosen)}
        for event_id in chosen:
            if event_id not in found:
                raise NoSuchLetter(event_id)
            _say(_shown(found[event_id]))
        return 0
    failed = 0
    for event_id in chosen:
        if asked.command == "discard":
            await discard(database, event_id)
            _say(f"{event_id}  discarded")
        else:
            reason = await replay(database, app.state.consumers, event_id)
            failed += reason is not None
            _say(f"{event_id}  {'applied' if reason is None else f'failed again: {reason}'}")
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _shown(letter: Letter) -> str:
    try:
        payload = json.dumps(json.loads(letter.payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        payload = repr(letter.payload)
    head = f"{letter.event_id}  {letter.type}  {letter.attempts} attempts, set aside {letter.buried_at:%Y-%m-%d %H:%M}"
    return f"{head}\n{letter.reason}\n{payload}"


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(_arguments())))
