from pydantic import Field, SecretStr

from kith_chassis.settings import AppSettings
from kith_gateway.origins import Origin


class Settings(AppSettings):
    """Where the services are and how much one operation may ask of them."""

    identity_url: str = "http://127.0.0.1:8001"
    matching_url: str = "http://127.0.0.1:8002"
    groups_url: str = "http://127.0.0.1:8003"
    recognition_url: str = "http://127.0.0.1:8004"
    metrics_url: str = "http://127.0.0.1:8005"
    delivery_url: str = "http://127.0.0.1:8006"
    read_seconds: float = Field(default=10.0, gt=0, description="How long a read of a service may take.")
    write_seconds: float = Field(default=60.0, gt=0, description="How long a write may take; bulk imports are slow.")
    hold_seconds: float = Field(
        default=8.0,
        ge=0,
        description="How long a request waits for a service that restarts; one that is away longer "
        "is answered as such at once.",
    )
    plans: bool = Field(default=True, description="Whether queries run by plans; if not, graphql-core runs them all.")
    max_tokens: int = Field(default=2000, ge=100, description="Tokens of one GraphQL document.")
    max_depth: int = Field(default=18, ge=4, description="Fields inside each other.")
    max_remembered: int = Field(
        default=75_000,
        ge=0,
        description="Characters of all documents kept parsed and compiled, and 100 for each; each takes 50 to 400 "
        "bytes of memory. What alone would take an eighth is not kept.",
    )
    max_cost: int = Field(default=20000, ge=100, description="Things one operation may ask the services for.")

    trusted_documents: str = Field(
        default="", description="A file, or a folder of *.json, with the operations of your frontends by their SHA-256."
    )
    trusted_only: bool = Field(default=False, description="Whether only operations of that list are carried out.")
    max_registered: int = Field(
        default=1_000_000, ge=0, description="Characters of all texts clients registered by their hashes; 0: none are."
    )
    budgets: bool = Field(default=True, description="Whether what callers spend is limited at all.")
    member_burst: int = Field(default=20_000, ge=100, description="Cost a member may spend at once.")
    member_per_second: float = Field(default=200.0, gt=0, description="Cost that comes back to a member each second.")
    member_per_day: int = Field(default=5_000_000, ge=100, description="Cost a member may spend on one day of UTC.")
    community_burst: int = Field(default=400_000, ge=100, description="Cost a community may spend at once.")
    community_per_second: float = Field(default=4_000.0, gt=0, description="Cost that comes back to a community.")
    community_per_day: int = Field(default=100_000_000, ge=100, description="Cost of a community on one day of UTC.")
    address_burst: int = Field(default=5_000, ge=100, description="Cost one address may spend before signing in.")
    address_per_second: float = Field(default=50.0, gt=0, description="Cost that comes back to an address each second.")
    address_per_day: int = Field(default=500_000, ge=100, description="Cost of one address on one day of UTC.")
    max_buckets: int = Field(
        default=50_000,
        ge=1,
        description="Members, communities, and addresses whose spending is remembered, of each; 400 bytes for one.",
    )
    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str = ""
    nats_password: SecretStr | None = None
    stream: str = Field(default="KITH", description="The JetStream stream that carries all events.")
    allowed_origins: list[Origin] = Field(
        default=[],
        description="Origins of web pages that may call the API and open a WebSocket, beside the gateway's own.",
    )
    max_sockets: int = Field(default=10_000, ge=1, description="WebSocket connections of this process.")
    max_sockets_per_member: int = Field(default=10, ge=1, description="WebSocket connections of one member to it.")
    max_subscriptions: int = Field(default=50, ge=1, description="Subscriptions of one connection.")
    max_event_cost: int = Field(
        default=1000, ge=10, description="Things one event may ask the services for, for one subscription."
    )
    max_message_bytes: int = Field(default=256 * 1024, ge=1024, description="A WebSocket message of a client.")
    socket_init_seconds: float = Field(
        default=5.0, gt=0, description="How long a connection may take to say who it is."
    )
    socket_queue_bytes: int = Field(
        default=1024 * 1024, ge=1024, description="What may wait for a client that reads slowly; then it is closed."
    )
    socket_queue_messages: int = Field(default=1000, ge=10, description="The same in messages.")
    replay_places: int = Field(
        default=20_000,
        ge=0,
        description="As many places of the stream back a subscription can be taken up again; 0: none is.",
    )

    def service_urls(self) -> dict[str, str]:
        """The address of each service, by its name."""
        addresses = {name.removesuffix("_url"): value for name, value in self if name.endswith("_url")}
        return {name: url for name, url in addresses.items() if name not in {"jwks", "nats"}}
