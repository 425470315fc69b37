"""Servers that live as long as the tests."""

import contextlib
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Nats:
    url: str
    pid: int


@contextlib.contextmanager
def nats_server(directory: Path, port: int = 0) -> Iterator[Nats]:
    """A nats-server with JetStream on loopback, ended by its pid with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    assert binary  # noqa: S101 -- installed with kith-local
    config = directory / "nats.conf"
    config.write_text(
        f'host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: "{directory}/store", sync_interval: always }}\n'
    )
    with (directory / "nats.log").open("w") as log, subprocess.Popen([binary, "-c", str(config)], stderr=log) as server:  # noqa: S603
        try:
            ends = time.monotonic() + 10
            while time.monotonic() < ends:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                    break
                time.sleep(0.05)
            yield Nats(f"nats://127.0.0.1:{port}", server.pid)
        finally:
            server.terminate()
