"""What each process of an installation is told: its settings, as environment variables."""

import os
from collections.abc import Mapping

from kith_local.credentials import Credentials
from kith_local.databases import login_url, role_name
from kith_local.layout import GATEWAY, HOST, SERVICES, Installation

NATS_USER = "kith"
# Ours to set, or about us and not about a service.
_NOT_PASSED_ON = (
    "KITH_HOME",
    "KITH_PORT",
    "DATABASE_URL",
    "NATS_URL",
    "KITH_DATABASE_URL",
    "KITH_WORKER_DATABASE_URL",
    "PYTHONDONTWRITEBYTECODE",  # seven processes would compile the same modules at every start
)


def password(credentials: Credentials, service: str, role: str) -> str:
    return credentials[f"database {role_name(service, role)}"]


def migration(credentials: Credentials, admin_url: str, service: str) -> dict[str, str]:
    """For the migrations of a service: the owner's login."""
    owner = login_url(admin_url, service, "owner", password(credentials, service, "owner"))
    return _inherited() | {"KITH_DATABASE_URL": owner}


def gateway(installation: Installation, credentials: Credentials) -> dict[str, str]:
    """For the gateway: where the services are, and the bus it listens to; no database."""
    upstream = {f"KITH_{name.upper()}_URL": installation.url(name) for name in SERVICES}
    # Everyone on this machine comes from one address, and drills and imports ask more than people do.
    return (
        {"KITH_BUDGETS": "false"}
        | _inherited()
        | _web(installation, GATEWAY)
        | upstream
        | bus(installation, credentials)
    )


def service(installation: Installation, credentials: Credentials, admin_url: str, name: str) -> dict[str, str]:
    """For a service: its two logins, the bus, and for identity the key that signs tokens."""
    told = _web(installation, name) | {
        "KITH_ROLE": "all",
        "KITH_DATABASE_URL": login_url(admin_url, name, "api", password(credentials, name, "api")),
        "KITH_WORKER_DATABASE_URL": login_url(admin_url, name, "worker", password(credentials, name, "worker")),
        **bus(installation, credentials),
    }
    if name == "delivery":
        # Receivers being tried out are on this machine; a short lease brings back what a killed sender had claimed.
        told |= {"KITH_ALLOW_LOOPBACK_WEBHOOKS": "true", "KITH_WEBHOOK_TIMEOUT_SECONDS": "3"}
    if name == "identity":
        told["KITH_SECRET_KEY"] = credentials["identity secret key"]
    return _inherited() | told


def bus(installation: Installation, credentials: Credentials) -> dict[str, str]:
    """Where NATS is and how to log in there."""
    if installation.nats_url is not None:
        return {"KITH_NATS_URL": installation.nats_url}
    return {
        "KITH_NATS_URL": f"nats://{HOST}:{installation.port('nats')}",
        "KITH_NATS_USER": NATS_USER,
        "KITH_NATS_PASSWORD": credentials["nats"],
    }


def _web(installation: Installation, name: str) -> dict[str, str]:
    return {
        "KITH_ENVIRONMENT": "local",
        "KITH_HTTP_HOST": HOST,
        "KITH_HTTP_PORT": str(installation.port(name)),
        "KITH_JWKS_URL": f"{installation.url('identity')}/.well-known/jwks.json",
        "KITH_STOP_GRACE_SECONDS": "30",  # at most: the supervisor ends it when the next one is ready
        "KITH_LOG_LEVEL": os.environ.get("KITH_LOG_LEVEL", "INFO"),
    }


def _inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if name not in _NOT_PASSED_ON}
    return kept | {"PYTHONUNBUFFERED": "1"}
