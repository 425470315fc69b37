from pydantic import Field, SecretStr

from kith_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of identity, beside those of every service."""

    secret_key: SecretStr = Field(
        description="32 random bytes, base64url: the Ed25519 seed that signs access tokens. The same on every replica."
    )
    previous_secret_keys: list[SecretStr] = Field(
        default=[], description="Keys of before a rotation: published until the last token they signed has expired."
    )
    access_token_seconds: int = Field(default=600, ge=30, le=3600)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    invitation_days: int = Field(default=14, ge=1, le=90)
    password_hashers: int = Field(default=2, ge=1, description="Hashes computed at once; each takes 19 MiB.")
    password_wait_seconds: float = Field(default=5.0, gt=0, description="How long a login waits for its turn at most.")
