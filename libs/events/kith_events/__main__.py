"""The events of one service, for whoever operates it: `python -m kith_events SERVICE COMMAND`.

Runs with the environment of the service's worker (on Kubernetes: in its container); `rebuild` also needs the owner's
login, in `KITH_OWNER_DATABASE_URL`.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI
from uvicorn.importer import import_from_string

from kith_chassis.bus import Bus, open_bus
from kith_chassis.database import Database
from kith_chassis.settings import ServiceSettings
from kith_events.feed import CannotRebuild
from kith_events.letters import Letter, NoSuchLetter, discard, letters, replay
from kith_events.projections import Compared, Projections
from kith_events.rebuild import rebuild
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
    anew = commands.add_parser("rebuild", help="make what was learned from events anew from the log, and compare")
    anew.add_argument("--swap", action="store_true", help="put the rebuilt rows in place")
    anew.add_argument("--without", type=UUID, nargs="+", default=(), metavar="EVENT_ID", help="leave these events out")
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
        if asked.command == "rebuild":
            return await _rebuild(app, settings, asked)
        return await _letters(app, asked, database)
    except (NoSuchLetter, CannotRebuild) as error:
        sys.exit(str(error))
    finally:
        await database.close()


@asynccontextmanager
async def _bus(settings: ServiceSettings) -> AsyncIterator[Bus]:
    async with open_bus(settings, name="kith events") as bus:
        try:
            await asyncio.wait_for(bus.established.wait(), _CONNECT_SECONDS)
        except TimeoutError:
            sys.exit(f"NATS at {settings.nats_url} does not answer.")
        yield bus


async def _rebuild(app: FastAPI, settings: ServiceSettings, asked: argparse.Namespace) -> int:
    """The exit status: 0 when the rebuilt side is equal or was put in place, 1 when it differs."""
    name = app.state.name
    if app.state.consumers is None:
        sys.exit(f"{name} listens to no events: it has nothing to rebuild.")
    owner_url = os.environ.get("KITH_OWNER_DATABASE_URL") or sys.exit(
        "set KITH_OWNER_DATABASE_URL to the owner's login"
    )
    projections: Projections = import_from_string(f"kith_{name}.consumers:projections")
    async with _bus(settings) as bus:
        found = await rebuild(
            name,
            owner_url=owner_url,
            worker_url=str(settings.worker_database_url or settings.database_url),
            bus=bus,
            consumers=app.state.consumers,
            projections=projections,
            swap=asked.swap,
            without=asked.without,
        )
    _say(f"{found.read} events of the log read, {found.applied} applied")
    if found.torn:
        _say(f"The log is not whole: {found.torn}. What is only live may be older.")
    if found.behind:
        _say(f"{found.behind} events are not applied by the running consumer: it is away, behind, or new to them")
    for event_id, type_, reason in found.refused:
        _say(f"{event_id}  {type_}  refused: {reason}")
    _compared(found.tables)
    _say("swapped" if found.swapped else "equal" if found.equal else "different; --swap puts the rebuilt rows in place")
    return 0 if found.equal or found.swapped else 1


def _compared(tables: Sequence[Compared]) -> None:
    columns = ("live", "rebuilt", "only_live", "only_rebuilt", "different")
    width = max(len(each.table) for each in tables)
    _say("  ".join([" " * width, *(each.replace("_", " ").rjust(12) for each in columns)]))
    for each in tables:
        _say("  ".join([each.table.ljust(width), *(f"{getattr(each, column):12,}" for column in columns)]))
    for each in tables:
        for example in each.examples:
            _say(f"{each.table}  {example}")


async def _reconcile(app: FastAPI, settings: ServiceSettings, database: Database) -> int:
    async with _bus(settings) as bus:
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
