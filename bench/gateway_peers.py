"""What others run in front of the same data, installed into build/peers: Node's gateways, and two that federate.

Node's read the stub as ours does. A federated gateway reads GraphQL subgraphs, which stand before the same data
(gateway_subgraphs.mjs); what the subgraphs need to answer is not counted. Nothing but the registry is called.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PEERS = Path(__file__).parents[1] / "build" / "peers"
HIVE, GRAFBASE = "Hive Gateway with JIT", "grafbase (Rust)"
_NODE = (
    "mercurius", "fastify", "graphql@16", "graphql-yoga", "graphql-jit", "@envelop/graphql-jit", "dataloader", "undici",
)  # fmt: skip
_SUBGRAPHS = ("@apollo/subgraph", "@theguild/federation-composition", "graphql@16", "graphql-yoga")
_GRAFBASE = "@grafbase/cli-x86_64-unknown-linux-musl"
# Hive asks for a version that not every registry has.
_OVERRIDES = {"@graphql-tools/batch-execute": "^10.2.0"}
_PRODUCTION = {"NODE_ENV": "production"}


@dataclass
class Subject:
    """A server that answers the same operations; a peer, which has a runtime, is left out where it does not start."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    cold: bool = False
    runtime: str = ""
    below: bool = False  # what others read, and nobody measures


def _installed(place: Path, *packages: str, overrides: Mapping[str, str] | None = None) -> bool:
    """Install Node's packages there, unless they are; false, with the reason printed, where that does not work."""
    place.mkdir(parents=True, exist_ok=True)
    if (place / "node_modules" / packages[0]).exists():
        return True
    described = {"private": True, "type": "module", "overrides": overrides or {}}
    (place / "package.json").write_text(json.dumps(described))
    try:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", *packages], cwd=place, check=True, timeout=300)  # noqa: S607
    except (OSError, subprocess.SubprocessError) as error:
        print(f"  left out, {packages[0]} does not install: {error}", flush=True)
        return False
    return True


def _program(place: Path, name: str) -> str:
    return str(shutil.copy(Path(__file__).with_name(name), place))


def node_gateways(port: int, stub: str) -> list[Subject]:
    """Node's gateways with their compiler switched on, from this port on."""
    if not _installed(PEERS, *_NODE):
        return []
    program = _program(PEERS, "gateway_node.mjs")
    return [
        Subject(f"{kind} with JIT", ["node", program, kind, str(port + number), stub], _PRODUCTION, runtime="Node")
        for number, kind in enumerate(("yoga", "mercurius"))
    ]


def subgraphs(port: int, stub: str) -> Subject | None:
    """The stub's data as subgraphs; when they listen, what federated gateways are given has been written."""
    place = PEERS / "subgraphs"
    if not _installed(place, *_SUBGRAPHS):
        return None
    command = ["node", _program(place, "gateway_subgraphs.mjs"), str(port), stub]
    return Subject("the subgraphs", command, _PRODUCTION, runtime="Node", below=True)


def federated(port: int) -> list[Subject]:
    """Gateways of the subgraphs, from this port on; each is one process."""
    given, found = PEERS / "subgraphs", []
    if _installed(PEERS / "hive", "@graphql-hive/gateway", "graphql@16", overrides=_OVERRIDES):
        program = PEERS / "hive" / "node_modules" / ".bin" / "hive-gateway"
        command = ["node", str(program), "supergraph", str(given / "supergraph.graphql"), "--jit", "--fork", "1"]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        found.append(Subject(HIVE, command, _PRODUCTION, runtime="Node"))
    if _installed(PEERS / "grafbase", _GRAFBASE):
        program = PEERS / "grafbase" / "node_modules" / _GRAFBASE / "grafbase"
        command = [str(program), "dev", "--config", str(given / "grafbase.toml")]
        command += ["--listen-address", f"127.0.0.1:{port + len(found)}"]
        found.append(Subject(GRAFBASE, command, {"HOME": str(PEERS / "grafbase")}, runtime="Rust"))
    return found
